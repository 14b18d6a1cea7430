/** The network between one process and the server, with all that can go wrong on it. */
import type { Link, StoreAsk, StoreMood } from '../../actors/runtime/memory/connection.ts';
import type { ProcessClock } from './process-clock.ts';

/** What the network and the store do to each message. */
export interface Weather {
  delayMsMax: number;
  /** Share of messages that are lost. */
  lossRatio: number;
  /** Share of deliveries that come twice. */
  duplicateRatio: number;
  /** Share of messages that take up to `LATE_MS` longer, so that later ones overtake them. */
  lateRatio: number;
  /** Share of callers' asks of which a copy comes up to `STRAY_MS` later. */
  strayRatio: number;
  /** The whole store. */
  store: StoreMood;
  /** Streams without a leader, as their election shows: silence, or word that nobody listens. */
  readonly elections: Map<StoreAsk['stream'], 'deaf' | 'none'>;
  /** Streams that met a full disk: they take nothing more until the server starts again. */
  readonly full: Set<StoreAsk['stream']>;
  /** Share of direct gets that are answered by a server that is behind. */
  staleRatio: number;
  /** The same of keys that were removed: one of three servers was killed, and has them again. */
  revivedRatio: number;
  /** The server is not there at all. */
  isDown: boolean;
}

/** Calm weather. */
export function calmWeather(): Weather {
  return {
    ...{ delayMsMax: 2, lossRatio: 0, duplicateRatio: 0, lateRatio: 0, staleRatio: 0 },
    ...{ strayRatio: 0, revivedRatio: 0 },
    ...{ store: 'answers', elections: new Map(), full: new Set(), isDown: false },
  };
}

export type Cut = 'none' | 'in' | 'out' | 'both';

/** How late a late message is at most, in milliseconds: it is still younger than any repeat. */
const LATE_MS = 400;

interface Around {
  readonly weather: Readonly<Weather>;
  readonly clock: ProcessClock;
  random(): number;
  count(fault: string): void;
  /** The process ends here, between two effects. */
  end(): void;
}

export class Wire implements Link {
  cut: Cut = 'none';
  /** Effects outside the process until it ends; undefined: it does not. */
  crashIn: number | undefined;
  /** How many jobs, and then messages, the process begins until it stands still; undefined: it does not. */
  stall: { jobs: number; messages: number; readonly begin: () => void } | undefined;
  readonly #around: Around;

  constructor(around: Around) {
    this.#around = around;
  }

  get isUp(): boolean {
    return !this.#around.weather.isDown;
  }

  /** A job of the process begins: what it does outside the store, or on other clocks than its own. */
  jobBegins(): void {
    if (this.stall && this.stall.jobs > 0) this.stall.jobs--;
  }

  isHeld(): boolean {
    const { clock } = this.#around;
    const { stall } = this;
    if (stall?.jobs === 0 && !clock.isPaused && stall.messages-- === 0) {
      this.stall = undefined;
      stall.begin();
    }
    return clock.isPaused;
  }

  transfer(way: 'out' | 'in'): number | undefined {
    const { weather, random, count } = this.#around;
    if (way === 'out' && this.isEnd()) return undefined;
    if (weather.isDown) return undefined;
    if (this.cut === way || this.cut === 'both') {
      count('cut');
      return undefined;
    }
    if (weather.lossRatio > 0 && random() < weather.lossRatio) {
      count('loss');
      return undefined;
    }
    let delayMs = 0.1 + random() * weather.delayMsMax;
    if (weather.lateRatio > 0 && random() < weather.lateRatio) {
      count('late');
      delayMs += random() * LATE_MS;
    }
    return delayMs;
  }

  copies(): number {
    const { weather, random, count } = this.#around;
    if (weather.duplicateRatio === 0 || random() >= weather.duplicateRatio) return 1;
    count('duplicate');
    return 2;
  }

  store({ stream, kind }: StoreAsk): StoreMood {
    const { weather, count } = this.#around;
    if (weather.store !== 'answers') {
      count(weather.store);
      return weather.store;
    }
    const election = kind === 'read' ? undefined : weather.elections.get(stream);
    if (election !== undefined) {
      count('leaderless');
      return election;
    }
    if (kind !== 'write' || !weather.full.has(stream)) return 'answers';
    count('unstored');
    return 'deaf';
  }

  isStale(isGone: boolean): boolean {
    const { weather, random, count } = this.#around;
    const isRevived = isGone && weather.revivedRatio > 0;
    const ratio = isRevived ? weather.revivedRatio : weather.staleRatio;
    if (ratio === 0 || random() >= ratio) return false;
    count(isRevived ? 'revivedRead' : 'stale');
    return true;
  }

  arrive(call: () => void): void {
    this.#around.clock.arrive(call);
  }

  /** Counts an effect outside the process: a message or a job. True: the process ended before it. */
  isEnd(): boolean {
    if (this.crashIn === undefined) return false;
    this.crashIn--;
    if (this.crashIn > 0) return false;
    this.crashIn = undefined;
    this.#around.end();
    return true;
  }
}
