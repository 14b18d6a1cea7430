/** The streams as the gateway reads them: events, logs and snapshots. */
import { lastMessage, type StreamRange, streamRange } from '../../actors/runtime/nats/look.ts';
import type { BusProcess } from '../../actors/runtime/nats/process.ts';
import {
  type Tailed,
  type TailReader,
  type TailStart,
  tailStream,
} from '../../actors/runtime/nats/tail.ts';
import type { Close } from '../../actors/runtime/ports.ts';
import type { StreamName } from '../../subjects/index.ts';

/** Messages of a stream, narrowed to some subjects. */
export interface What {
  readonly stream: StreamName;
  readonly subjects: readonly string[];
}

export interface Streams {
  /** Reads from a start and goes on until closed, through gaps and reconnects. */
  tail(what: What, start: TailStart, reader: TailReader): Close;
  /** How far a stream goes; undefined: no answer in time. */
  range(stream: StreamName): Promise<StreamRange | undefined>;
  /** The last message of one subject, if there is one. */
  last(stream: StreamName, subject: string): Promise<Tailed | undefined>;
}

export function natsStreams({ reading }: Pick<BusProcess, 'reading'>): Streams {
  return {
    tail: (what, start, reader) => tailStream(reading, { ...what, start }, reader),
    range: (stream) => streamRange(reading.exchange, stream),
    last: (stream, subject) => lastMessage(reading.exchange, stream, subject),
  };
}
