/**
 * Makes sure that a process knows how the store is: it asks every server every few seconds, at
 * once when something found no answer, and says each change once in its log.
 */
import type { NatsConnection } from 'nats';
import { z } from 'zod';
import type { Refusal } from '../../../subjects/index.ts';
import { SERVER_ASKS } from '../../../subjects/permissions.ts';
import type { Log } from '../log.ts';
import type { Clock, Close, Store } from '../ports.ts';
import {
  type Answered,
  refusalOf,
  type ServerHealth,
  type StoreState,
  sentenceAbout,
  storeState,
  WINDOW_MS,
} from '../store-state.ts';

/** How often the servers are asked while all is well, and while it is not, in milliseconds. */
const LOOK_MS = 2_000;
const LOOK_AGAIN_MS = 1_000;
/** All servers have answered when nothing more came for this long, in milliseconds. */
const QUIET_MS = 100;
const ANSWERS_MS = 1_000;
/** Answers whose times are kept. */
const ANSWERS_MAX = 1_000;

const health = z.object({
  server: z.object({ name: z.string() }),
  data: z.object({ status: z.string(), error: z.string().optional() }),
});
const holdings = z.object({
  server: z.object({ name: z.string() }),
  data: z.object({ storage: z.number(), config: z.object({ max_storage: z.number() }) }),
});

/** How the store is, as one process knows it. */
export class StoreWatch {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #answers: Answered[] = [];
  #state: StoreState = { kind: 'well' };
  #since: number | undefined;
  #looking: Promise<void> | undefined;
  #cancel: Close = () => undefined;
  #isOpen = true;

  constructor(connection: NatsConnection, clock: Clock, log: Log) {
    this.#connection = connection;
    this.#clock = clock;
    this.#log = log;
  }

  /** How the store is, as it was found last. */
  get state(): StoreState {
    return this.#state;
  }

  /** Milliseconds since 1970 when it came to be so; undefined: it is well. */
  get since(): number | undefined {
    return this.#since;
  }

  /** Why nothing can be changed at the moment, if so. */
  get trouble(): Refusal | undefined {
    return refusalOf(this.#state);
  }

  /** Looks from now on, until closed. */
  start(): void {
    void this.look();
  }

  close(): void {
    this.#isOpen = false;
    this.#cancel();
  }

  /** Notes how long an answer of the store took. */
  answered(tookMs: number): void {
    this.#answers.push({ at: this.#clock.elapsed(), tookMs });
    if (this.#answers.length > ANSWERS_MAX) this.#answers.splice(0, ANSWERS_MAX / 2);
  }

  /** Looks now; who comes while somebody looks gets what that one finds. Never throws. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    this.#cancel();
    const servers = await this.#ask();
    if (!this.#isOpen) return;
    const now = this.#clock.elapsed();
    while (this.#answers[0] && now - this.#answers[0].at > WINDOW_MS) this.#answers.shift();
    this.#become(storeState({ servers, answers: this.#answers, now }, this.#state));
    const pauseMs = this.#state.kind === 'well' ? LOOK_MS : LOOK_AGAIN_MS;
    this.#cancel = this.#clock.after(pauseMs, () => void this.look());
  }

  #become(next: StoreState): void {
    const before = this.#state;
    this.#state = next;
    if (next.kind === before.kind) return;
    const now = this.#clock.now();
    // A server that is away is told by whoever holds the connection.
    if (next.kind !== 'well' && next.kind !== 'silent') this.#log.warn(sentenceAbout(next));
    else if (before.kind !== 'well' && before.kind !== 'silent') {
      const durationMs = now - (this.#since ?? now);
      const was = before.kind === 'slow' ? 'slow' : `not writable (${before.kind})`;
      this.#log.info(`${sentenceAbout({ kind: 'well' })} again; it was ${was}`, { durationMs });
    }
    this.#since = next.kind === 'well' ? undefined : now;
  }

  async #ask(): Promise<readonly ServerHealth[] | undefined> {
    const [said, held] = await Promise.all([
      this.#answersTo(SERVER_ASKS.health, health),
      this.#answersTo(SERVER_ASKS.settings, holdings),
    ]);
    return said.map(({ server, data }) => {
      const holding = held.find((each) => each.server.name === server.name)?.data;
      return {
        server: server.name,
        error: data.status === 'ok' ? undefined : (data.error ?? data.status),
        ...{ bytes: holding?.storage, bytesMax: holding?.config.max_storage },
      };
    });
  }

  async #answersTo<T>(subject: string, schema: z.ZodType<T>): Promise<readonly T[]> {
    const found: T[] = [];
    try {
      const options = { strategy: 'stall', stall: QUIET_MS, maxWait: ANSWERS_MS } as const;
      for await (const answer of await this.#connection.requestMany(subject, '', options)) {
        const { data } = schema.safeParse(answer.json());
        if (data !== undefined) found.push(data);
      }
    } catch {
      // Nobody answers, or the connection is gone: what was found is what there is.
    }
    return found;
  }
}

/** A store whose answers to writes are watched. */
export function watchedStore(store: Store, watch: StoreWatch, clock: Clock): Store {
  return {
    ...store,
    write(writes, done) {
      const began = clock.elapsed();
      store.write(writes, (results) => {
        watch.answered(clock.elapsed() - began);
        if (results.some((each) => each.kind === 'unanswered')) void watch.look();
        done(results);
      });
    },
  };
}
