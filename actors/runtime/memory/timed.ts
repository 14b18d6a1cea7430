/** Items that wait for their time, as a process reaches them on the memory server. */
import type { TimedQueue } from '../ports.ts';
import type { StoreAsk } from './connection.ts';
import type { MemoryServer } from './server.ts';

/** An ask with one answer; `late` is called when none came in time. */
export type Exchange = <T>(
  ask: StoreAsk,
  act: () => T,
  answer: (value: T) => void,
  late: () => void,
) => void;

const writing: StoreAsk = { stream: 'SCHEDULE', kind: 'write' };
const looking: StoreAsk = { stream: 'SCHEDULE', kind: 'newest' };

/** The timed items of a connection. Taken as work is: subjects tell the two queues apart. */
export function memoryTimed(
  server: MemoryServer,
  exchange: Exchange,
  take: TimedQueue['take'],
): TimedQueue {
  return {
    set(item, done) {
      const act = (): void => server.set(item);
      exchange(
        writing,
        act,
        () => done(true),
        () => done(false),
      );
    },
    cancel(waits, done) {
      const act = (): void => server.cancel(waits);
      exchange(
        writing,
        act,
        () => done(true),
        () => done(false),
      );
    },
    list(pattern, done) {
      const act = (): readonly string[] => server.timed(pattern);
      exchange(looking, act, done, () => done(undefined));
    },
    take,
  };
}
