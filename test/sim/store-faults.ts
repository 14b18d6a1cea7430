/**
 * What goes wrong with the store, as measured on a real nats-server: streams whose leader was lost,
 * a disk that is full, a server that ends hard and comes back with what had been deleted and worked
 * off, and what strangers write into the bucket.
 */
import { type Stored, WRITER_HEADER } from '../../actors/runtime/ports.ts';
import {
  address,
  type Bucket,
  decode,
  placeWork,
  records,
  type StreamName,
  tokensIn,
} from '../../subjects/index.ts';
import type { World } from './world.ts';

/** Longest silence of a whole store, in milliseconds. */
const SILENCE_MS = 5_000;
/** An election takes this long, in milliseconds: Raft's own timeout, and what was seen. */
const ELECTION_MS = { least: 4_000, most: 15_000 };
/** How long a full stream stays dead until somebody starts the server again, in milliseconds. */
const FULL_MS = 10_000;
/** How long a server is away that ended, in milliseconds. */
const AWAY_MS = { least: 200, most: 3_000 };
/** What holds the system's state, and what only tells of it. */
const STREAMS: readonly (Bucket | StreamName)[] = [
  ...(['shoal', 'shoal-observed'] as const),
  ...(['WORK', 'SCHEDULE', 'EVENTS'] as const),
];
/** Share of alarms that are lost when a server ends hard. */
const LOST_ALARM_RATIO = 0.2;
/** Most deleted keys that come back at once. */
const REVIVED_MAX = 8;

/** Share of reads of removed keys that one of three servers answers which has them again, and how long. */
const REVIVED_RATIO = 0.4;
const REVIVED_MS = 20_000;

/** Names the writer of what no process of ours has written. */
export const STRANGER = 'stranger';

const text = new TextEncoder();

/** Breaks the store of a world. */
export class StoreTrouble {
  readonly #world: World;
  /** Runs a call later, unless the trouble is over by then. */
  readonly #later: (delayMs: number, call: () => void) => void;
  /** Last values of keys that were deleted. */
  readonly #gone = new Map<string, Stored>();
  #strangers = 0;

  constructor(world: World, later: (delayMs: number, call: () => void) => void) {
    this.#world = world;
    this.#later = later;
    const last = new Map<string, Stored>();
    world.server.side('shoal').watchers.add((stored) => {
      const before = last.get(stored.key);
      last.set(stored.key, stored);
      // What comes back is what was removed for good, and no schedule ever is (decision 11).
      if (stored.body || stored.key.startsWith('schedule.')) this.#gone.delete(stored.key);
      else if (before?.body && !isStranger(before)) this.#gone.set(stored.key, before);
    });
  }

  /** Nothing is answered: what was asked is done, or it is not. */
  silence(): boolean {
    const { weather, random } = this.#world;
    if (weather.store !== 'answers') return false;
    weather.store = random() < 0.5 ? 'deaf' : 'silent';
    this.#world.note(`the store is ${weather.store}`);
    this.#later(random() * SILENCE_MS, () => {
      weather.store = 'answers';
      this.#world.note('the store answers');
    });
    return true;
  }

  /** A stream loses its leader; reads by direct get go on, and so do the other streams. */
  elect(): boolean {
    const { weather, random } = this.#world;
    const stream = this.#any(STREAMS.filter((each) => !weather.elections.has(each)));
    if (stream === undefined) return false;
    weather.elections.set(stream, random() < 0.5 ? 'deaf' : 'none');
    this.#world.note(`${stream} has no leader (${weather.elections.get(stream)})`);
    const { least, most } = ELECTION_MS;
    this.#later(least + random() * (most - least), () => {
      weather.elections.delete(stream);
      this.#world.note(`${stream} has a leader`);
    });
    return true;
  }

  /** The disk is full under a stream: it takes nothing more until the server starts again. */
  fill(): boolean {
    const { weather, random } = this.#world;
    const stream = this.#any(STREAMS.filter((each) => !weather.full.has(each)));
    if (stream === undefined) return false;
    weather.full.add(stream);
    this.#world.note(`the disk under ${stream} is full`);
    this.#later(random() * FULL_MS, () => {
      weather.full.clear();
      this.#leave(false);
    });
    return true;
  }

  /** The server is killed: every connection ends, and some of the past comes back with it. */
  kill(): boolean {
    if (this.#world.weather.isDown) return false;
    this.#leave(true);
    return true;
  }

  /**
   * One of three servers is killed hard: a stream loses its leader, and what had been removed is back
   * on that server alone, so that reads differ.
   */
  killOne(): boolean {
    const { weather, random } = this.#world;
    if (weather.revivedRatio > 0) return false;
    this.elect();
    weather.revivedRatio = REVIVED_RATIO;
    this.#world.note('one of three servers is killed');
    this.#later(random() * REVIVED_MS, () => {
      weather.revivedRatio = 0;
    });
    return true;
  }

  /** A key that was deleted is there again with its last value. */
  revive(): boolean {
    const gone = this.#any([...this.#gone.values()]);
    if (!gone) return false;
    const { key, body, headers } = gone;
    this.#world.note(`${key} comes back`);
    this.#world.server.write({ bucket: 'shoal', key, body, headers, expected: 'any' });
    return true;
  }

  /** Somebody else writes into the bucket: what nobody can read, or what a newer version would. */
  disturb(): boolean {
    const { random } = this.#world;
    const dice = random();
    if (dice < 0.3) return this.#rubbish();
    if (dice < 0.4) return this.#unreadable();
    if (dice < 0.7) return this.#nobodys();
    return this.#newer();
  }

  /** Bytes that no schema accepts, under a key that a record could have. */
  #rubbish(): boolean {
    const id = `x${++this.#strangers}`;
    const key = this.#any([
      `instance.default.${id}`,
      `workload.default.${id}`,
      `route.default.${id}.example`,
      `node.${id}`,
      `for.${id}.ledger`,
      `for.n1.spec.default.${id}.1`,
      `lease.${id}.0`,
      // The one record that stands such a thing in its place (lease.ts, I4).
      'lease.workload.0',
      'lease.membership.0',
    ]);
    const body = this.#any(['', '{', 'null', '[]', '{"node":1}', '\u0000\u00ff', '{"epoch":-1}']);
    return this.#write('shoal', key ?? '', body ?? '');
  }

  /** Work that nobody can read. */
  #unreadable(): boolean {
    const tokens = { priority: 'normal', tenant: 'default', workload: `x${++this.#strangers}` };
    const subject = address(placeWork, tokens as never);
    this.#world.note(`a stranger queues ${subject}`);
    this.#world.count('unreadable');
    const headers = { [WRITER_HEADER]: STRANGER };
    return this.#world.server.put({ subject, body: text.encode('{'), headers }) === 'queued';
  }

  /** Keys that no contract knows. */
  #nobodys(): boolean {
    const id = `x${++this.#strangers}`;
    const key = this.#any([`quota.default.${id}`, `${id}`, `node.n1.${id}`, `for.n1.secret.${id}`]);
    const bucket = this.#any(['shoal', 'shoal-observed'] as const);
    return this.#write(bucket ?? 'shoal', key ?? '', '{"what":"is this"}');
  }

  /** A record as it is, with a field that only a newer version knows. */
  #newer(): boolean {
    const known = [...this.#world.server.stored('shoal')].flatMap((each) => {
      // A workload's spec is read as strictly as the manifest it came from.
      const value = each.key.startsWith('workload.') ? undefined : knownValue(each);
      return value ? [{ key: each.key, value }] : [];
    });
    const some = this.#any(known);
    if (!some) return false;
    const later = { ...some.value, since9: { of: ['a', 'newer', 'version'] } };
    return this.#write('shoal', some.key, JSON.stringify(later));
  }

  #write(bucket: Bucket, key: string, value: string): boolean {
    this.#world.note(`a stranger writes ${key}`);
    const headers = { [WRITER_HEADER]: STRANGER };
    const body = text.encode(value);
    this.#world.server.write({ bucket, key, body, headers, expected: 'any' });
    return true;
  }

  #leave(isHard: boolean): void {
    const { random } = this.#world;
    const { least, most } = AWAY_MS;
    this.#world.stopServer();
    // Not among what the end of the trouble cancels: the world starts its server itself then.
    this.#later(least + random() * (most - least), () => {
      if (isHard) this.#bringBack();
      this.#world.startServer();
    });
  }

  /** What a server may have again that was ended hard. */
  #bringBack(): void {
    const { server, random, note } = this.#world;
    for (let count = Math.floor(random() * REVIVED_MAX); count > 0; count--) this.revive();
    for (const waits of server.timed('>')) if (random() < LOST_ALARM_RATIO) server.cancel(waits);
    const repeated = server.repeatWork();
    if (repeated > 0) this.#world.count('repeated');
    note.call(this.#world, `${repeated} work items come again`);
  }

  #any<T>(among: readonly T[]): T | undefined {
    return among[Math.floor(this.#world.random() * among.length)];
  }
}

/** Whether a value was written by no process of ours. */
export function isStranger(stored: Pick<Stored, 'headers'>): boolean {
  return stored.headers[WRITER_HEADER] === STRANGER;
}

/** The value of a record, if its contract can read it. */
function knownValue({ key, body }: Stored): object | undefined {
  const record = records.find((each) => each.bucket === 'shoal' && tokensIn(each, key));
  const read = record && body ? decode(record, body) : undefined;
  return read?.ok ? (read.value as object) : undefined;
}
