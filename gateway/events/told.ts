/** An event as it is told on: decoded, with its place in the stream; and which ones are wanted. */
import { z } from 'zod';
import type { Tailed } from '../../actors/runtime/nats/tail.ts';
import {
  decode,
  type EventBody,
  eventNoticed,
  eventNouns,
  eventSchema,
  pattern,
  tenantName,
} from '../../subjects/index.ts';
import type { SseEvent } from '../http/sse-text.ts';
import { time, timeText } from '../present/time.ts';

export const eventShape = eventSchema
  .extend({
    at: time,
    sequence: z.number().int().describe('Its place in the stream: what `after` takes'),
  })
  .meta({ title: 'Event' });
export type EventShape = z.input<typeof eventShape>;

export interface Told {
  readonly sequence: number;
  readonly event: EventBody;
}

const id = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'an id');

/** What a caller may ask events by. */
export const eventFilter = z.object({
  tenant: tenantName.optional().describe('Whose; nodes belong to tenant shoal. Default: all'),
  noun: z.enum(eventNouns).optional(),
  id: id.optional().describe('Id of the node, workload or instance'),
  workload: id.optional().describe('The workload and its instances'),
});
export type EventFilter = z.output<typeof eventFilter>;

/** The event in a message; undefined: it is none of ours. */
export function toldIn(message: Pick<Tailed, 'sequence' | 'body'>): Told | undefined {
  const decoded = decode(eventNoticed, message.body);
  return decoded.ok ? { sequence: message.sequence, event: decoded.value } : undefined;
}

export function isWanted({ event }: Told, filter: EventFilter): boolean {
  const { tenant, noun, id: one, workload } = filter;
  return (
    (tenant === undefined || event.tenant === tenant) &&
    (noun === undefined || event.noun === noun) &&
    (one === undefined || event.id === one) &&
    (workload === undefined || event.workload === workload)
  );
}

/** Subjects under which wanted events come; others may come there too. */
export function subjectsOf({ tenant, noun, id: one }: EventFilter): readonly string[] {
  const tokens = {
    ...(tenant === undefined ? {} : { tenant }),
    ...(noun === undefined ? {} : { noun }),
    ...(one === undefined ? {} : { id: one }),
  };
  return [pattern(eventNoticed, tokens)];
}

export function presentEvent({ sequence, event }: Told): EventShape {
  return { ...event, at: timeText(event.at), sequence };
}

export function sseOf(told: Told): SseEvent {
  const { noun, verb } = told.event;
  return { id: told.sequence, event: `${noun}.${verb}`, data: presentEvent(told) };
}
