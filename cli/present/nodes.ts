/** Nodes for people. */
import {
  type AllowedMount,
  features,
  formatBytes,
  formatCpu,
  type LedgerEntry,
} from '../../subjects/index.ts';
import type {
  DrainShape,
  EventShape,
  InstanceShape,
  NodeDetailShape,
  NodeShape,
  SnapshotShape,
} from '../shapes.ts';
import { type Column, pairs, table } from '../table.ts';
import { age, ago } from './ages.ts';
import { eventTable } from './events.ts';
import { indented, labelText } from './sections.ts';

export function nodeTable(nodes: readonly NodeShape[], now: number): string {
  const columns: readonly Column<NodeShape>[] = [
    { title: 'node', text: (each) => each.node },
    { title: 'state', text: (each) => each.state },
    { title: 'class', text: (each) => each.class },
    { title: 'arch', text: (each) => each.architecture },
    { title: 'cpu', text: (each) => used(each, 'cpuMilli', formatCpu), align: 'right' },
    { title: 'memory', text: (each) => used(each, 'memoryBytes', formatBytes), align: 'right' },
    { title: 'instances', text: (each) => each.instances, align: 'right' },
    { title: 'drivers', text: (each) => Object.keys(each.drivers).join(', ') },
    { title: 'age', text: (each) => age(each.enrolledAt, now) },
    { title: 'note', text: noteText, isOptional: true },
  ];
  return table(columns, nodes);
}

/** What is booked of what there is: `300m/2`. */
function used(
  { booked, capacity }: NodeShape,
  amount: keyof NodeShape['capacity'],
  format: (value: number) => string,
): string {
  return `${format(booked[amount])}/${format(capacity[amount])}`;
}

function noteText({ state, last }: NodeShape): string | undefined {
  return state === 'ready' ? undefined : last.message;
}

export function nodeText(
  node: NodeDetailShape,
  of: {
    readonly instances: readonly InstanceShape[];
    readonly events: readonly EventShape[];
    readonly now: number;
  },
): string {
  const { now } = of;
  const { snapshot, last } = node;
  const head = pairs([
    ['Node', `${node.node} (${node.class}, ${node.platform} ${node.architecture})`],
    ['State', node.state],
    ['Drain', node.drain && drainText(node.drain)],
    ['Last', `${last.verb}: ${last.message} (${ago(last.at, now)})`],
    ['Host', `${node.hostname} at ${node.address}, agent ${node.agentVersion}`],
    ['Labels', labelText(node.labels)],
    ['Enrolled', `${ago(node.enrolledAt, now)} (${node.enrolledAt})`],
    ['Incarnation', node.incarnation],
    ['Drivers', driversText(node)],
  ]);
  const entries = node.entries.length === 0 ? 'none' : entryTable(node.entries, of.instances);
  const events = of.events.length === 0 ? 'none in the last day' : eventTable(of.events, now);
  return [
    head,
    `Capacity\n${indented(capacityTable(node))}`,
    ...(snapshot ? [`Live use (${ago(snapshot.at, now)})\n${indented(liveText(snapshot))}`] : []),
    `Instances\n${indented(entries)}`,
    `Events\n${indented(events)}`,
  ].join('\n\n');
}

function drainText(drain: DrainShape): string {
  const until =
    drain.deadline === undefined ? '' : `; what is left at ${drain.deadline} is stopped`;
  return `${drainLine(drain)}${until}`;
}

/** `2 left, hello-5pytj waits for its turn`: one line. */
export function drainLine({ left, waits }: DrainShape): string {
  const [first] = waits;
  if (left === 0) return 'empty';
  return first ? `${left} left, ${first.instance} waits for ${first.for}` : `${left} left`;
}

/** What is booked for whom; phases are known of the instances that were asked for. */
function entryTable(entries: readonly LedgerEntry[], instances: readonly InstanceShape[]): string {
  const phases = new Map(instances.map((each) => [`${each.tenant}.${each.instance}`, each.phase]));
  const columns: readonly Column<LedgerEntry>[] = [
    { title: 'instance', text: (each) => each.instance },
    { title: 'workload', text: (each) => each.workload },
    { title: 'tenant', text: (each) => each.tenant },
    { title: 'phase', text: (each) => phases.get(`${each.tenant}.${each.instance}`) },
    { title: 'epoch', text: (each) => each.epoch, align: 'right' },
    { title: 'cpu', text: (each) => formatCpu(each.cpuMilli), align: 'right' },
    { title: 'memory', text: (each) => formatBytes(each.memoryBytes), align: 'right' },
  ];
  return table(columns, entries);
}

/** `process (cpu not enforced: no cgroup)` */
function driversText({ drivers }: NodeShape): string {
  const texts = Object.entries(drivers).map(
    ([name, { version, enforces, notEnforced, mounts }]) => {
      const said = [
        ...(enforces.length > 0 ? [`enforces ${enforces.join(' and ')}`] : []),
        ...(mounts ? [`mounts ${mounts.map(mountText).join(' and ')}`] : []),
        ...Object.entries(notEnforced).map(([what, why]) => `${what} ${notDone(what)}: ${why}`),
      ];
      const title = version === undefined ? name : `${name} ${version}`;
      return said.length === 0 ? title : `${title} (${said.join('; ')})`;
    },
  );
  return texts.join(', ') || 'none';
}

function mountText({ path, readOnly }: AllowedMount): string {
  return readOnly ? path : `${path} for writing`;
}

/** Of a limit, what is not done about it; a part of specs is not there at all. */
function notDone(what: string): string {
  return (features as readonly string[]).includes(what) ? 'not offered' : 'not enforced';
}

function capacityTable({ booked, capacity }: NodeShape): string {
  const rows: readonly (readonly [
    string,
    keyof NodeShape['capacity'],
    (value: number) => string,
  ])[] = [
    ['cpu', 'cpuMilli', formatCpu],
    ['memory', 'memoryBytes', formatBytes],
    ['disk', 'diskBytes', formatBytes],
  ];
  return table(
    [
      { title: 'what', text: ([name]) => name },
      { title: 'there is', text: ([, amount, format]) => format(capacity[amount]), align: 'right' },
      { title: 'booked', text: ([, amount, format]) => format(booked[amount]), align: 'right' },
      {
        title: 'free',
        text: ([, amount, format]) => format(Math.max(0, capacity[amount] - booked[amount])),
        align: 'right',
      },
    ],
    rows,
  );
}

function liveText(snapshot: SnapshotShape): string {
  const { battery } = snapshot;
  return pairs([
    ['cpu', formatCpu(Math.round(snapshot.cpuMilli))],
    ['memory', formatBytes(snapshot.memoryBytes)],
    ['disk', formatBytes(snapshot.diskBytes)],
    ['load', snapshot.loadAverage.toFixed(2)],
    ['agent', formatBytes(snapshot.agentMemoryBytes)],
    [
      'battery',
      battery && `${Math.round(battery.charge * 100)} %${battery.isCharging ? ', charging' : ''}`,
    ],
  ]);
}
