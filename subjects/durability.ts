/**
 * Makes sure that what an acknowledged write survives is chosen once, by one name, and told
 * alike everywhere: copies of each stream and the time to the disk follow from the level, and the
 * sentence about what is in force follows from what was found there.
 */

/** What an acknowledged write survives, from the least to the most. */
export const durabilityLevels = ['process', 'server', 'power'] as const;
export type DurabilityLevel = (typeof durabilityLevels)[number];

/** How long written data may stay off the disk unless every write is flushed (nats-measured §0). */
export const SYNC_INTERVAL = '10s';

/** The setting that chooses a level, and the one that says how many servers there are. */
export const DURABILITY_SETTING = 'DURABILITY';

/** What was found: copies of the streams, and how often the servers flush. */
export interface InForce {
  /** The fewest copies that any of the streams has. */
  readonly replicas: number;
  /** The longest time any server takes to flush, or `always`; undefined: no server said. */
  readonly syncInterval: string | undefined;
}

/** A level as it is set up. */
export interface Durability extends InForce {
  readonly level: DurabilityLevel;
  readonly servers: 1 | 3;
  /** Copies of each stream. */
  readonly replicas: 1 | 3;
  /** For nats-server's `sync_interval`. */
  readonly syncInterval: typeof SYNC_INTERVAL | 'always';
  /** What an acknowledged write survives. */
  readonly sentence: string;
}

/**
 * The durability of a level on so many servers; without a level, `process` on one and `server` on
 * three. An error is one sentence with the next step.
 */
export function durabilityOf(
  level: string | undefined,
  servers: 1 | 3,
):
  | { readonly ok: true; readonly durability: Durability }
  | { readonly ok: false; readonly error: string } {
  const chosen = level || (servers === 3 ? 'server' : 'process');
  const known = durabilityLevels.find((each) => each === chosen);
  if (!known) {
    const error = `${DURABILITY_SETTING} is ${chosen}; set it to process, server or power`;
    return { ok: false, error };
  }
  if (known === 'server' && servers === 1) {
    const error = `${DURABILITY_SETTING}=server needs three servers and there is one; start three (SERVERS=3), or set ${DURABILITY_SETTING} to process or power`;
    return { ok: false, error };
  }
  const replicas = known === 'process' ? 1 : servers;
  const syncInterval = known === 'power' ? 'always' : SYNC_INTERVAL;
  const sentence = sentenceOf({ replicas, syncInterval });
  return { ok: true, durability: { level: known, servers, replicas, syncInterval, sentence } };
}

/** The highest level that holds with what was found. */
export function levelOf({ replicas, syncInterval }: InForce): DurabilityLevel {
  if (syncInterval === 'always') return 'power';
  return replicas >= 3 ? 'server' : 'process';
}

/** What an acknowledged write survives with what was found. */
export function sentenceOf({ replicas, syncInterval }: InForce): string {
  const copies = replicas >= 3 ? ', the loss of any one server' : '';
  const survives = `survives the death of any process${copies}`;
  if (syncInterval === 'always') return `${survives} and a loss of power`;
  const what = replicas >= 3 ? 'a loss of power of several servers at once' : 'a loss of power';
  if (syncInterval === undefined)
    return `${survives}; nats-server does not say how often it flushes`;
  return `${survives}; ${what} may cost the last ${syncInterval}`;
}
