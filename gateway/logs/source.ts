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
import { flagQuery } from '../present/flag-query.ts';
import { minRevision, tenantQuery } from '../present/list.ts';
import type { Streams } from '../streams/streams.ts';
import { type Backlog, readBacklog } from './read.ts';
import { noSuchSidecar } from './sidecars.ts';
import { since, sinceMs } from './since.ts';

/** Lines told at first: without and with following. */
const TAIL = { once: 500, follow: 100 } as const;

/** What a caller may ask for. */
export const logQuery = z.strictObject({
  tenant: tenantQuery,
  follow: flagQuery('Go on with each line as it is printed'),
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

/** Where what is asked for is printed. */
export interface LogSource {
  readonly subjects: readonly string[];
  /** Set where no sidecar of this name is known: without a line of it that is the answer. */
  readonly unknown: Refusal | undefined;
}

/** Subjects of what a workload's instances print; or that there is no such workload. */
export async function workloadSource(
  known: Known,
  name: string,
  { tenant, sidecar, minRevision: revision }: LogQuery,
): Promise<Answer<LogSource>> {
  await known.reach(revision);
  const isThere = known.workloads.get({ tenant, workload: name }) !== undefined;
  if (!isThere) return no(workloadNotFound(tenant, name));
  return { ok: true, value: sourceOf(known, { tenant, workload: name }, sidecar) };
}

/** Subjects of what an instance prints; or that there is no such instance. */
export async function instanceSource(
  known: Known,
  id: string,
  { tenant, sidecar, minRevision: revision }: LogQuery,
): Promise<Answer<LogSource>> {
  await known.reach(revision);
  const instance = known.instances.get({ tenant, instance: id });
  if (!instance) return no(instanceNotFound(tenant, id));
  const { workload } = instance;
  return { ok: true, value: sourceOf(known, { tenant, workload, instance: id }, sidecar) };
}

interface Whose {
  readonly tenant: string;
  readonly workload: string;
  readonly instance?: string;
}

function sourceOf(known: Known, of: Whose, sidecar: string | undefined): LogSource {
  if (sidecar === undefined) {
    const subjects = [pattern(logFrame, { ...of }), pattern(sidecarLogFrame, { ...of })];
    return { subjects, unknown: undefined };
  }
  const subjects = [pattern(sidecarLogFrame, { ...of, sidecar })];
  return { subjects, unknown: noSuchSidecar(known, of, sidecar) };
}

/** The lines there are, as many as are wanted; or that there is nobody who could have printed one. */
export async function wantedBacklog(
  streams: Streams,
  { subjects, unknown }: LogSource,
  { tail, since: from }: LogQuery,
  isFollowed: boolean,
): Promise<Answer<Backlog>> {
  const value = await readBacklog(streams, {
    subjects,
    since: from === undefined ? undefined : sinceMs(from, Date.now()),
    tail: tail ?? (isFollowed ? TAIL.follow : TAIL.once),
  });
  if (!value) return no(refusal('store-unavailable', 'the log cannot be read'));
  // A version that is forgotten may have had it.
  return unknown && value.lines.length === 0 ? no(unknown) : { ok: true, value };
}

function no(because: Refusal): Answer<never> {
  return { ok: false, refusal: because };
}
