/** How far the draining of a node has come, and what each instance that is left waits for. */
import { z } from 'zod';
import {
  heldUpBy,
  type Ledger,
  type LedgerEntry,
  type Member,
  type Node,
  tenantName,
  type Workload,
  workloadName,
} from '../../subjects/index.ts';
import type { Known } from '../known.ts';
import { time, timeText } from './time.ts';

export const drainShape = z
  .object({
    since: time.optional(),
    deadline: time.optional().describe('When what is left is stopped; absent: never'),
    left: z.number().int().min(0).describe('Instances that are still there; 0: it is empty'),
    waits: z
      .array(
        z.object({
          ...{ tenant: tenantName, workload: workloadName, instance: z.string() },
          for: z.string().describe('What it waits for'),
        }),
      )
      .describe('What each that is left waits for; at most 100'),
  })
  .meta({ title: 'Drain' });
type DrainShape = z.input<typeof drainShape>;

/** Most instances whose reason is told: more are more than a person reads. */
const WAITS_MAX = 100;

/** Shows how far the draining of a node has come; undefined: it is not being drained. */
export function presentDrain(
  node: Node,
  ledger: Ledger | undefined,
  known: Pick<Known, 'workloads' | 'seeAll'>,
): DrainShape | undefined {
  if (node.administered !== 'draining') return undefined;
  const entries = Object.values(ledger?.entries ?? {});
  const { since, deadlineMs } = node.drain ?? {};
  return {
    ...(since === undefined ? {} : { since: timeText(since) }),
    ...(since === undefined || deadlineMs === undefined
      ? {}
      : { deadline: timeText(since + deadlineMs) }),
    left: entries.length,
    waits: entries.slice(0, WAITS_MAX).map((entry) => {
      const { tenant, workload, instance } = entry;
      const of = known.workloads.get({ tenant, workload });
      return {
        tenant,
        workload,
        instance,
        for: reasonOf(entry, of, known.seeAll(tenant, workload)),
      };
    }),
  };
}

function reasonOf(
  entry: LedgerEntry,
  workload: Workload | undefined,
  members: readonly Member[],
): string {
  if (entry.isStopping || !workload) return 'its end: it was told to';
  if (workload.kind === 'job') return 'its end: a job is not moved';
  const late = heldUpBy(workload, members);
  return late === undefined ? 'its turn' : `another one in its place: ${late}`;
}
