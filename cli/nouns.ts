/** The things one can ask for, under every name they are asked for by. */
import { nearest } from '../manifests/nearest.ts';
import { UsageFailure } from './failure.ts';

const nouns = ['workload', 'instance', 'node', 'schedule', 'pool'] as const;
export type Noun = (typeof nouns)[number];

const names: Readonly<Record<string, Noun>> = {
  workload: 'workload',
  workloads: 'workload',
  wl: 'workload',
  instance: 'instance',
  instances: 'instance',
  inst: 'instance',
  node: 'node',
  nodes: 'node',
  no: 'node',
  schedule: 'schedule',
  schedules: 'schedule',
  sched: 'schedule',
  pool: 'pool',
  pools: 'pool',
};

/** Throws UsageFailure. */
export function nounOf(text: string): Noun {
  const noun = Object.hasOwn(names, text) ? names[text] : undefined;
  if (noun) return noun;
  const near = nearest(text, Object.keys(names));
  const hint =
    near === undefined
      ? `one of ${nouns.map((each) => `${each}s`).join(', ')}`
      : `did you mean "${near}"?`;
  throw new UsageFailure(`there are no "${text}"; ${hint}`);
}
