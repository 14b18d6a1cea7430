/** Nodes for people. */
import {
  type AllowedMount,
  features,
  formatBits,
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
import { type Column, type Fact, type Fit, pairs, table } from '../table.ts';
import { age, ago } from './ages.ts';
import { eventTable } from './events.ts';
import { type Paint, plainly } from './paint.ts';
import { labelText, section } from './sections.ts';
import { nodeTone, phaseTone } from './tones.ts';

export function nodeTable(
  nodes: readonly NodeShape[],
  now: number,
  paint?: Paint,
  fit?: Fit,
): string {
  const columns: readonly Column<NodeShape>[] = [
    { title: 'node', text: (each) => each.node },
    { title: 'state', text: (each) => each.state, tone: ({ state }) => nodeTone(state) },
    { title: 'class', text: (each) => each.class, goes: 5 },
    { title: 'arch', text: (each) => each.architecture, goes: 6 },
    { title: 'cpu', text: (each) => used(each, 'cpuMilli', formatCpu), align: 'right' },
    { title: 'memory', text: (each) => used(each, 'memoryBytes', formatBytes), align: 'right' },
    { title: 'devices', text: devicesText, isOptional: true, goes: 3 },
    { title: 'instances', text: (each) => each.instances, align: 'right', goes: 1 },
    { title: 'drivers', text: (each) => drivesText(each), goes: 4 },
    { title: 'age', text: (each) => age(each.enrolledAt, now), goes: 2 },
    { title: 'host', text: (each) => each.hostname, isWide: true },
    { title: 'address', text: (each) => each.address, isWide: true },
    { title: 'disk class', text: (each) => each.iops, isWide: true },
    { title: 'agent', text: (each) => each.agentVersion, isWide: true },
    { title: 'labels', text: ({ labels }) => labelText(labels), isWide: true },
    { title: 'note', text: noteText, isOptional: true },
  ];
  return table(columns, nodes, paint, fit);
}

/** What is booked of what there is: `300m/2`. */
function used(
  { booked, capacity }: NodeShape,
  amount: 'cpuMilli' | 'memoryBytes',
  format: (value: number) => string,
): string {
  return `${format(booked[amount])}/${format(capacity[amount])}`;
}

/** Those it offers, with how many are booked of how many: `gpu 1/2`. */
function devicesText({ booked, capacity }: NodeShape): string | undefined {
  const offered = Object.entries(capacity.devices ?? {});
  if (offered.length === 0) return undefined;
  return offered
    .map(([name, count]) => `${name} ${booked.devices?.[name] ?? 0}/${count}`)
    .join(', ');
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
    readonly paint?: Paint;
  },
): string {
  const { now, paint = plainly } = of;
  const { snapshot, last } = node;
  const facts: readonly Fact[] = [
    ['Node', `${node.node} (${node.class}, ${node.platform} ${node.architecture})`],
    ['State', node.state, nodeTone(node.state)],
    ['Drain', node.drain && drainText(node.drain)],
    ['Last', `${last.verb}: ${last.message} (${ago(last.at, now)})`],
    ['Host', `${node.hostname} at ${node.address}, agent ${node.agentVersion}`],
    ['Labels', labelText(node.labels)],
    ['Enrolled', `${ago(node.enrolledAt, now)} (${node.enrolledAt})`],
    ['Incarnation', node.incarnation],
    ['Drivers', driversText(node)],
    ['Disk class', node.iops ?? 'unknown'],
  ];
  const entries =
    node.entries.length === 0
      ? 'none'
      : entryTable(node.entries, { instances: of.instances, paint });
  const events =
    of.events.length === 0 ? 'none in the last day' : eventTable(of.events, now, paint);
  return [
    pairs(facts, paint),
    section('Capacity', capacityTable(node, paint), paint),
    ...(snapshot
      ? [section(`Live use (${ago(snapshot.at, now)})`, liveText(snapshot, paint), paint)]
      : []),
    section('Instances', entries, paint),
    section('Events', events, paint),
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
function entryTable(
  entries: readonly LedgerEntry[],
  { instances, paint }: { readonly instances: readonly InstanceShape[]; readonly paint: Paint },
): string {
  const known = new Map(instances.map((each) => [`${each.tenant}.${each.instance}`, each]));
  const of = ({ tenant, instance }: LedgerEntry) => known.get(`${tenant}.${instance}`);
  const columns: readonly Column<LedgerEntry>[] = [
    { title: 'instance', text: (each) => each.instance },
    { title: 'workload', text: (each) => each.workload },
    { title: 'tenant', text: (each) => each.tenant },
    {
      title: 'phase',
      text: (each) => of(each)?.phase,
      tone: (each) => {
        const found = of(each);
        return found && phaseTone(found.phase, found.kind);
      },
    },
    { title: 'epoch', text: (each) => each.epoch, align: 'right' },
    { title: 'cpu', text: (each) => formatCpu(each.cpuMilli), align: 'right' },
    { title: 'memory', text: (each) => formatBytes(each.memoryBytes), align: 'right' },
  ];
  return table(columns, entries, paint);
}

/** `process, docker (away)` */
function drivesText({ drivers }: NodeShape): string {
  const names = Object.entries(drivers).map(([name, { away }]) =>
    away === undefined ? name : `${name} (away)`,
  );
  return names.join(', ');
}

/** `process (cpu not enforced: no cgroup)` */
function driversText({ drivers }: NodeShape): string {
  const texts = Object.entries(drivers).map(
    ([name, { version, enforces, notEnforced, mounts, away }]) => {
      const said = [
        ...(away === undefined ? [] : [`starts nothing now: ${away}`]),
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

/** One of the things a node has: how much there is, and how much is booked. */
interface Held {
  readonly name: string;
  readonly there: number;
  readonly booked: number;
  readonly format: (value: number) => string;
}

function capacityTable({ booked, capacity }: NodeShape, paint: Paint): string {
  const devices = Object.keys({ ...capacity.devices, ...booked.devices }).sort();
  const { bandwidthBps } = capacity;
  const rows: readonly Held[] = [
    { name: 'cpu', there: capacity.cpuMilli, booked: booked.cpuMilli, format: formatCpu },
    {
      name: 'memory',
      there: capacity.memoryBytes,
      booked: booked.memoryBytes,
      format: formatBytes,
    },
    { name: 'disk', there: capacity.diskBytes, booked: booked.diskBytes, format: formatBytes },
    ...(bandwidthBps === undefined
      ? []
      : [
          {
            name: 'bandwidth',
            there: bandwidthBps,
            booked: booked.bandwidthBps ?? 0,
            format: rate,
          },
        ]),
    ...devices.map((name) => ({
      ...{ name, there: capacity.devices?.[name] ?? 0, booked: booked.devices?.[name] ?? 0 },
      format: String,
    })),
  ];
  const columns: readonly Column<Held>[] = [
    { title: 'what', text: (each) => each.name },
    { title: 'there is', text: (each) => each.format(each.there), align: 'right' },
    { title: 'booked', text: (each) => each.format(each.booked), align: 'right' },
    {
      title: 'free',
      text: (each) => each.format(Math.max(0, each.there - each.booked)),
      align: 'right',
    },
  ];
  return table(columns, rows, paint);
}

function rate(bps: number): string {
  return `${formatBits(bps)}bit/s`;
}

function liveText(snapshot: SnapshotShape, paint: Paint): string {
  const { battery } = snapshot;
  const facts: readonly Fact[] = [
    ['cpu', formatCpu(Math.round(snapshot.cpuMilli))],
    ['memory', formatBytes(snapshot.memoryBytes)],
    ['disk', formatBytes(snapshot.diskBytes)],
    ['load', snapshot.loadAverage.toFixed(2)],
    ['agent', formatBytes(snapshot.agentMemoryBytes)],
    [
      'battery',
      battery && `${Math.round(battery.charge * 100)} %${battery.isCharging ? ', charging' : ''}`,
    ],
  ];
  return pairs(facts, paint);
}
