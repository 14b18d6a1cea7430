/**
 * Makes sure that nothing of a demo is left in the database it shared: its prefix is booked there while
 * its slot lives, and dropped when nothing of that is left, also where the database was away meanwhile.
 * Nobody waits for a database that is away. Any number of gateways may do this (prefixes.ts).
 */
import { Gauge } from 'prom-client';
import type { Inside } from '../../../inside.ts';
import { type Looked, Upkeep, upkeepStates } from '../../../upkeep.ts';
import { Database, type DatabaseSettings } from './database.ts';
import { type Duties, dutiesOf } from './prefixes.ts';

/** What happens within this time is one look, in milliseconds. */
const BATCH_MS = 200;
/** How often the bookings are read when nothing changes, in milliseconds. */
const SWEEP_MS = 5_000;

export interface TablesOf {
  readonly tenant: string;
  readonly pool: string;
  readonly database: DatabaseSettings;
}

/** Begins to; the returned function stops it. */
export function keepTables(
  inside: Pick<Inside, 'known' | 'bus' | 'log' | 'meters' | 'upkeeps'>,
  { tenant, pool, database: settings }: TablesOf,
): () => Promise<void> {
  const { known } = inside;
  const look = async (): Promise<Looked> => {
    const database = await Database.open(settings);
    try {
      const booked = await database.booked();
      const slots = new Set<string>();
      for (const { value } of known.slots.by('pool', `${tenant}.${pool}`)) slots.add(value.slot);
      const duties = dutiesOf(booked, { tenant, pool, slots, seen: known.seen().wanted });
      await perform(database, duties);
      const hasWritten = duties.book.length + duties.forget.length > 0;
      return { state: 'kept', hasWritten, count: slots.size };
    } finally {
      database.close();
    }
  };
  const upkeep = new Upkeep(inside, {
    ...{ what: 'demo-database', address: `${settings.host}:${settings.port}` },
    failing: 'tables of demos are not kept for now',
    well: 'tables of demos are kept',
    ...{ batchMs: BATCH_MS, sweepMs: SWEEP_MS, look },
  });
  const gauge: Gauge<'state'> = new Gauge({
    name: 'shoal_try_it_now_database_state',
    help: 'The last look at the database of demos: 1 for kept or failed',
    ...{ registers: [inside.meters.registry], labelNames: ['state'] as const },
    collect: () => {
      for (const each of upkeepStates) gauge.set({ state: each }, each === upkeep.state ? 1 : 0);
    },
  });
  known.whenSlotChanged(({ tokens, before, after }) => {
    if (tokens.tenant === tenant && tokens.pool === pool && (!before || !after)) upkeep.changed();
  });
  upkeep.start();
  return () => upkeep.stop();
}

/** Does what is to be done. A prefix whose tables do not go keeps nobody else's; throws with the first. */
async function perform(database: Database, { book, drop, forget }: Duties): Promise<void> {
  await database.book(book);
  const left = new Map<string, unknown>();
  for (const prefix of drop) {
    await database.drop(prefix).catch((error) => left.set(prefix, error));
  }
  await database.forget(forget.filter(({ prefix }) => !left.has(prefix)));
  for (const error of left.values()) throw error;
}
