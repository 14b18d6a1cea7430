/** Which log a caller asks for: a workload's or an instance's, if it is there; and how much of it. */
import { z } from 'zod';
import {
  type Answer,
  logFrame,
  pattern,
  type Refusal,
  refusal,
  sidecarLogFrame,
  sidecarName,
} from '../../subjects/index.ts';
import { instanceNotFound, workloadNotFound } from '../http/not-found.ts';
import { wholeNumber } from '../http/whole-number.ts';
import type { Known } from '../known.ts';
import { minRevision, tenantQuery } from '../present/list.ts';
import type { Streams } from '../streams/streams.ts';
import { type Backlog, readBacklog } from './read.ts';
import { since, sinceMs } from './since.ts';

/** Lines told at first: without and with following. */
const TAIL = { once: 500, follow: 100 } as const;

/** What a caller may ask for. */
export const logQuery = z.strictObject({
  tenant: tenantQuery,
  follow: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .describe('Go on with each line as it is printed'),
  since: since.optional(),
  tail: wholeNumber({ from: 0, to: 10_000 })
    .optional()
    .describe('The last so many lines; default 500, 100 when following'),
  sidecar: sidecarName
    .optional()
    .describe('Only this sidecar; default: the program and all its sidecars'),
  minRevision,
});
export type LogQuery = z.output<typeof logQuery>;

/** Subjects of what a workload's instances print; or that there is no such workload. */
export async function workloadSource(
  known: Known,
  name: string,
  { tenant, sidecar, minRevision: revision }: LogQuery,
): Promise<Answer<readonly string[]>> {
  await known.reach(revision);
  const isThere = known.workloads.get({ tenant, workload: name }) !== undefined;
  if (!isThere) return no(workloadNotFound(tenant, name));
  return { ok: true, value: subjectsOf({ tenant, workload: name }, sidecar) };
}

/** Subjects of what an instance prints; or that there is no such instance. */
export async function instanceSource(
  known: Known,
  id: string,
  { tenant, sidecar, minRevision: revision }: LogQuery,
): Promise<Answer<readonly string[]>> {
  await known.reach(revision);
  const instance = known.instances.get({ tenant, instance: id });
  if (!instance) return no(instanceNotFound(tenant, id));
  const { workload } = instance;
  return { ok: true, value: subjectsOf({ tenant, workload, instance: id }, sidecar) };
}

interface Whose {
  readonly tenant: string;
  readonly workload: string;
  readonly instance?: string;
}

function subjectsOf(of: Whose, sidecar: string | undefined): readonly string[] {
  if (sidecar !== undefined) return [pattern(sidecarLogFrame, { ...of, sidecar })];
  return [pattern(logFrame, { ...of }), pattern(sidecarLogFrame, { ...of })];
}

/** The lines there are, as many as are wanted. */
export async function wantedBacklog(
  streams: Streams,
  subjects: readonly string[],
  { tail, since: from }: LogQuery,
  isFollowed: boolean,
): Promise<Answer<Backlog>> {
  const value = await readBacklog(streams, {
    subjects,
    since: from === undefined ? undefined : sinceMs(from, Date.now()),
    tail: tail ?? (isFollowed ? TAIL.follow : TAIL.once),
  });
  return value ? { ok: true, value } : no(refusal('store-unavailable', 'the log cannot be read'));
}

function no(because: Refusal): Answer<never> {
  return { ok: false, refusal: because };
}
