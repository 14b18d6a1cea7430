/**
 * Makes sure that what a copy of an actor removes for good is not removed when another acts: whoever
 * acts for all says under which fence, and a fence that is past is refused.
 *
 * The server cannot compare a fence when it purges. So the lease is asked for first, and its leader's
 * word counts for `FRESH_MS`: a process that stood still between two lines finds that out by its own
 * clock. What is left is what was on its way when another took the lease; that it names sequences that
 * were seen keeps everything newer safe.
 */
import { address, decode, type Lease, leaseRecord } from '../../subjects/index.ts';
import type { Keeper } from './keeper.ts';
import type { Ports, Store, Term } from './ports.ts';

/**
 * How long it counts that a fence was the newest, in milliseconds from when it was asked for. Shorter
 * than a holder may be silent until its lease is taken (lease.ts), longer than an answer takes.
 */
export const FRESH_MS = 1_000;

/** The keeper, for those that act: `purge` of a term that is past, or maybe past, removes nothing. */
export function fenced(keeper: Keeper, { store, clock }: Pick<Ports, 'store' | 'clock'>): Keeper {
  let newest: (Term & { readonly askedAt: number }) | undefined;
  const isNewest = ({ actor, fence }: Term): boolean =>
    newest?.actor === actor &&
    newest.fence === fence &&
    clock.elapsed() - newest.askedAt <= FRESH_MS;
  return {
    ...keeper,
    purge(of, done) {
      if (isNewest(of.under)) return keeper.purge(of, done);
      const askedAt = clock.elapsed();
      leaseOf(store, of.under.actor, (lease) => {
        if (lease) newest = { actor: lease.actor, fence: lease.fence, askedAt };
        if (isNewest(of.under)) keeper.purge(of, done);
        else done(undefined);
      });
    },
  };
}

/**
 * The lease of an actor, at least as new as its leader knew it to be when this was asked; undefined:
 * it is not known. A read may be answered by a server that is behind, so it is compared.
 */
function leaseOf(store: Store, actor: string, done: (lease: Lease | undefined) => void): void {
  const key = address(leaseRecord, { actor, shard: '0' });
  store.newest('shoal', key, (revision) => {
    if (!revision) return done(undefined);
    store.read('shoal', key, (stored) => {
      if (!stored?.body || stored.revision < revision) return done(undefined);
      const decoded = decode(leaseRecord, stored.body);
      done(decoded.ok ? decoded.value : undefined);
    });
  });
}
