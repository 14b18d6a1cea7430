/** Actors with their counts, as the services protocol tells them. */
import { z } from 'zod';
import { formatSpan } from '../../subjects/index.ts';
import { type Column, table } from '../table.ts';
import type { Paint } from './paint.ts';

/** An `io.nats.micro.v1.stats_response`, as far as it is shown; other services are shown too. */
export const statsResponse = z.looseObject({
  type: z.literal('io.nats.micro.v1.stats_response'),
  name: z.string(),
  id: z.string(),
  version: z.string(),
  started: z.string(),
  endpoints: z
    .array(
      z.looseObject({
        name: z.string(),
        subject: z.string(),
        num_requests: z.number(),
        num_errors: z.number(),
        last_error: z.string().default(''),
        processing_time: z.number(),
        data: z.record(z.string(), z.unknown()).nullish(),
      }),
    )
    .nullish(),
});
export type Stats = z.infer<typeof statsResponse>;

export function actorTable(stats: readonly Stats[], paint?: Paint): string {
  const columns: readonly Column<Stats>[] = [
    { title: 'actor', text: (each) => each.name },
    { title: 'id', text: (each) => each.id },
    {
      ...{ title: 'role', text: roleText },
      tone: (each) => (roleText(each) === 'standby' ? 'faint' : undefined),
    },
    { title: 'requests', text: (each) => sum(each, 'num_requests'), align: 'right' },
    {
      ...{ title: 'errors', text: (each) => sum(each, 'num_errors'), align: 'right' },
      tone: (each) => (sum(each, 'num_errors') > 0 ? 'bad' : undefined),
    },
    { title: 'mean', text: meanText, align: 'right' },
    ...counts.map(
      (name): Column<Stats> => ({ title: name, text: (each) => count(each, name), align: 'right' }),
    ),
  ];
  return table(columns, inOrder(stats), paint);
}

/** Counts every actor of Shoal has. */
const counts = ['steps', 'commits', 'conflicts', 'waiting', 'faults'] as const;

export function inOrder(stats: readonly Stats[]): readonly Stats[] {
  const key = ({ name, id }: Stats): string => `${name} ${id}`;
  return stats.toSorted((one, other) => (key(one) < key(other) ? -1 : 1));
}

type Summed = 'num_requests' | 'num_errors' | 'processing_time';

function sum(stats: Stats, field: Summed): number {
  return (stats.endpoints ?? []).reduce((total, each) => total + each[field], 0);
}

function count(stats: Stats, name: string): number | undefined {
  const value = stats.endpoints?.[0]?.data?.[name];
  return typeof value === 'number' ? value : undefined;
}

/** Of several copies one acts; those that compete for work all do. */
function roleText(stats: Stats): string | undefined {
  const acting = count(stats, 'acting');
  return acting === undefined ? undefined : acting > 0 ? 'acting' : 'standby';
}

/** Mean time of a request, in µs below a millisecond. */
function meanText(stats: Stats): string | undefined {
  const requests = sum(stats, 'num_requests');
  if (requests === 0) return undefined;
  const microseconds = sum(stats, 'processing_time') / requests / 1_000;
  return microseconds < 1_000 ? `${Math.round(microseconds)}µs` : formatSpan(microseconds / 1_000);
}
