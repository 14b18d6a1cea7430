/** Workloads for people. */
import { stringify } from 'yaml';
import type { EventShape, InstanceShape, RolloutShape, WorkloadShape } from '../shapes.ts';
import { type Column, type Fact, type Fit, pairs, table } from '../table.ts';
import { age, ago } from './ages.ts';
import { eventTable } from './events.ts';
import { instanceTable } from './instances.ts';
import { type Paint, plainly } from './paint.ts';
import { rolloutLine } from './rollouts.ts';
import { labelText, section } from './sections.ts';
import { rolloutTone, workloadTone } from './tones.ts';

export function workloadTable(
  workloads: readonly WorkloadShape[],
  now: number,
  paint?: Paint,
  fit?: Fit,
): string {
  const columns: readonly Column<WorkloadShape>[] = [
    { title: 'name', text: (each) => each.name },
    { title: 'kind', text: (each) => each.kind, goes: 2 },
    { title: 'state', text: (each) => each.state, tone: ({ state }) => workloadTone(state) },
    { title: 'ready', text: countText },
    { title: 'generation', text: (each) => each.generation, align: 'right', goes: 4 },
    { title: 'age', text: (each) => age(each.createdAt, now), goes: 1 },
    { title: 'driver', text: ({ spec }) => `${spec['driver']}`, isWide: true },
    { title: 'runs', text: runsText, isWide: true },
    { title: 'labels', text: ({ labels }) => labelText(labels), isWide: true },
    { title: 'url', text: (each) => each.url, goes: 3 },
  ];
  return table(columns, workloads, paint, fit);
}

/** Its image, or else its program. */
function runsText({ spec }: WorkloadShape): string {
  const [program] = (spec['command'] as readonly string[] | undefined) ?? [];
  return `${spec['image'] ?? program ?? ''}`;
}

/** `2/3`; of a job how many have succeeded: `1/1 done`. */
function countText({ kind, instances }: WorkloadShape): string {
  return kind === 'job'
    ? `${instances.succeeded}/${instances.wanted} done`
    : `${instances.ready}/${instances.wanted}`;
}

/** `progressing: 1 of 3 ready, 2 pending` */
export function stateText(workload: WorkloadShape): string {
  const { kind, state, instances, outcome } = workload;
  if (state === 'deleting') return state;
  if (outcome) return outcome.message === '' ? state : `${state}: ${outcome.message}`;
  const { wanted, ready, running, pending, parked, failed, succeeded } = instances;
  const done = kind === 'job' ? `${succeeded} of ${wanted} done` : `${ready} of ${wanted} ready`;
  const others: readonly (readonly [number, string])[] = [
    [running - (kind === 'job' ? 0 : Math.min(ready, running)), 'running'],
    [pending, 'pending'],
    [parked, 'waiting for a node'],
    [failed, 'failed'],
  ];
  const counted = others.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  const text = [done, ...counted].join(', ');
  return state === 'ready' ? text : `${state}: ${text}`;
}

export function workloadText(
  workload: WorkloadShape,
  of: {
    readonly instances: readonly InstanceShape[];
    readonly events: readonly EventShape[];
    readonly rollout?: RolloutShape | undefined;
    readonly now: number;
    readonly paint?: Paint;
  },
): string {
  const { now, rollout, paint = plainly } = of;
  const { last } = workload;
  // What is complete is what the rest shows.
  const isUnderWay = rollout !== undefined && rollout.state !== 'complete';
  const facts: readonly Fact[] = [
    ['Workload', `${workload.name} (${workload.kind} of tenant ${workload.tenant})`],
    ['State', stateText(workload), workloadTone(workload.state)],
    [
      'Rollout',
      isUnderWay ? rolloutLine(rollout) : undefined,
      rollout && rolloutTone(rollout.state),
    ],
    ['Generation', workload.generation],
    ['Created', `${ago(workload.createdAt, now)} (${workload.createdAt})`],
    ['Labels', labelText(workload.labels)],
    ['URL', workload.url],
    ['Probes', withoutProbes(workload)],
    ['Last', `${last.verb}: ${last.message} (${ago(last.at, now)})`],
  ];
  const spec = stringify(written(workload.spec), { lineWidth: 100 }).trimEnd();
  const instances = of.instances.length === 0 ? 'none' : instanceTable(of.instances, now, paint);
  const events =
    of.events.length === 0 ? 'none in the last day' : eventTable(of.events, now, paint);
  return [
    pairs(facts, paint),
    section('Spec', spec, paint),
    section('Instances', instances, paint),
    section('Events', events, paint),
  ].join('\n\n');
}

/** What its instances are ready by, where somebody may think that it is what their image brings. */
function withoutProbes({ kind, spec }: WorkloadShape): string | undefined {
  const { driver, probes } = spec;
  const hasProbes = isMapping(probes) && Object.keys(probes).length > 0;
  if (kind !== 'service' || driver !== 'docker' || hasProbes) return undefined;
  return 'none: ready when its ports take connections; the HEALTHCHECK of an image is not run';
}

/** A spec without what is empty: it says nothing. */
function written(spec: WorkloadShape['spec']): object {
  const isEmpty = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  const entries = Object.entries(spec)
    .map(([name, value]) => [name, isMapping(value) ? written(value) : value] as const)
    .filter(([, value]) => !isEmpty(value));
  return Object.fromEntries(entries);
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
