/** Instances for people. */
import type { EventShape, InstanceShape, SidecarShape } from '../shapes.ts';
import { type Column, type Fact, type Fit, pairs, table } from '../table.ts';
import { age, ago } from './ages.ts';
import { eventTable } from './events.ts';
import { type Paint, plainly } from './paint.ts';
import { plural, removedText, section } from './sections.ts';
import { phaseTone } from './tones.ts';

export function instanceTable(
  instances: readonly InstanceShape[],
  now: number,
  paint?: Paint,
  fit?: Fit,
): string {
  const columns: readonly Column<InstanceShape>[] = [
    { title: 'instance', text: (each) => each.instance },
    { title: 'workload', text: (each) => each.workload, goes: 2 },
    {
      title: 'phase',
      text: (each) => each.phase,
      tone: ({ phase, kind }) => phaseTone(phase, kind),
    },
    { title: 'node', text: (each) => each.node },
    { title: 'epoch', text: (each) => each.epoch, align: 'right', goes: 5 },
    { title: 'restarts', text: (each) => each.restarts, align: 'right', goes: 3 },
    { title: 'age', text: (each) => age(each.createdAt, now), goes: 1 },
    { title: 'generation', text: (each) => each.generation, align: 'right', isWide: true },
    { title: 'attempt', text: (each) => each.attempt, align: 'right', isWide: true },
    { title: 'process', text: (each) => each.pid, align: 'right', isWide: true },
    { title: 'endpoint', text: endpointText, goes: 4 },
    { title: 'note', text: instanceNote, isOptional: true },
  ];
  return table(columns, instances, paint, fit);
}

/** `127.0.0.1:40112`; with several ports each with its name. */
function endpointText({ address, ports }: InstanceShape): string | undefined {
  const entries = Object.entries(ports ?? {});
  if (address === undefined || entries.length === 0) return undefined;
  const host = address.includes(':') ? `[${address}]` : address;
  if (entries.length === 1) return `${host}:${entries[0]?.[1]}`;
  return entries.map(([name, port]) => `${name}=${host}:${port}`).join(' ');
}

/** Why it is not as it should be: nothing for one that is ready. */
export function instanceNote(instance: InstanceShape): string | undefined {
  const { parked, phase, outcome, message, kind } = instance;
  // A job's instance that runs is as it should be; a service's is not ready yet.
  if (phase === 'ready' || (phase === 'running' && kind === 'job')) return undefined;
  if (parked && !instance.node) return parkedText(parked);
  return outcome?.message || message || undefined;
}

/** `0 of 3 nodes fit: removed 1 by accepts, 2 by driver` */
function parkedText({ nodes, removed }: NonNullable<InstanceShape['parked']>): string {
  if (nodes === 0) return 'there are no nodes yet';
  const why = removedText(removed);
  return `0 of ${plural(nodes, 'node')} fit${why === '' ? '' : `: removed ${why}`}`;
}

export function instanceText(
  instance: InstanceShape,
  of: {
    readonly events: readonly EventShape[];
    readonly now: number;
    readonly paint?: Paint;
  },
): string {
  const { now, paint = plainly } = of;
  const { outcome, parked, lastEnd } = instance;
  const since = ago(instance.startedAt, now);
  const facts: readonly Fact[] = [
    [
      'Instance',
      `${instance.instance} (of ${instance.kind} ${instance.workload}, tenant ${instance.tenant})`,
    ],
    [
      'Phase',
      instance.message === '' ? instance.phase : `${instance.phase}: ${instance.message}`,
      phaseTone(instance.phase, instance.kind),
    ],
    ['Node', instance.node ?? 'none'],
    [
      'Waiting',
      parked && !instance.node ? `${parkedText(parked)} (${ago(parked.at, now)})` : undefined,
    ],
    ['Endpoint', endpointText(instance)],
    ['Process', instance.pid],
    ['Limits', limitsText(instance.limits)],
    ['Started', since],
    ['Created', `${ago(instance.createdAt, now)} (${instance.createdAt})`],
    ['Epoch', instance.epoch],
    ['Attempt', instance.attempt],
    ['Restarts', instance.restarts],
    ['Last end', lastEnd && `${lastEnd.message} (${ago(lastEnd.at, now)})`],
    ['Generation', instance.generation],
    [
      'Ended',
      outcome ? `${outcome.result}: ${outcome.message} (${ago(outcome.at, now)})` : undefined,
    ],
  ];
  const { sidecars = [] } = instance;
  const beside = sidecars.length === 0 ? [] : [['Sidecars', sidecarTable(sidecars, now, paint)]];
  const events =
    of.events.length === 0 ? 'none in the last day' : eventTable(of.events, now, paint);
  const sections = [...beside, ['Events', events]].map(([title = '', text = '']) =>
    section(title, text, paint),
  );
  return [pairs(facts, paint), ...sections].join('\n\n');
}

/** `memory 512Mi, bandwidth 200M, iops low` */
function limitsText(limits: InstanceShape['limits']): string | undefined {
  if (!limits) return undefined;
  return Object.entries(limits)
    .map(([name, limit]) => `${name} ${limit}`)
    .join(', ');
}

function sidecarTable(sidecars: readonly SidecarShape[], now: number, paint?: Paint): string {
  const columns: readonly Column<SidecarShape>[] = [
    { title: 'name', text: (each) => each.name },
    {
      title: 'phase',
      text: (each) => each.phase,
      tone: (each) => phaseTone(each.phase, 'service'),
    },
    { title: 'restarts', text: (each) => each.restarts, align: 'right' },
    {
      title: 'last end',
      text: ({ lastEnd }) => lastEnd && `${lastEnd.message} (${ago(lastEnd.at, now)})`,
    },
    { title: 'started', text: (each) => ago(each.startedAt, now) },
    { title: 'note', text: (each) => each.message, isOptional: true },
  ];
  return table(columns, sidecars, paint);
}
