/**
 * Makes sure that who watches a pool sees its counts change, and who watches a claim how long it still
 * has it: each at once, then as it changes, and the end in the same stream.
 */
import type { Known } from '../known.ts';
import { type ClaimShape, type ClaimSight, claimOf, poolOfKnown } from '../present/pool.ts';
import type { Outlet } from '../streams/outlet.ts';
import { watchChanges, watchOne } from './one.ts';

/** How often the time that is left is told, in milliseconds. */
const COUNT_MS = 1_000;

/** What is watched: a pool by its name, or a claim of it by its id. */
export interface Watched {
  readonly tenant: string;
  readonly pool: string;
}

/** Tells `pool` with its counts whenever they change, and `gone` when it is. */
export function watchPool(known: Known, outlet: Outlet, { tenant, pool: name }: Watched): void {
  watchOne(known, outlet, {
    ...{ kind: 'pool', key: `${tenant}.${name}`, event: 'pool', gone: { tenant, name } },
    read: () => poolOfKnown(known, tenant, name),
  });
}

/** Tells `claim` each second, and whenever it is extended; `over` once it is, and why then it ends. */
export function watchClaim(
  sight: ClaimSight & { readonly known: Known },
  outlet: Outlet,
  { tenant, pool, claim: id }: Watched & { readonly claim: string },
): void {
  let last: ClaimShape | undefined;
  const tell = (): void => {
    const claim = claimOf(sight, { tenant, pool, slot: id }, Date.now());
    if (claim?.state === 'held') {
      last = claim;
      outlet.sendOrGiveUp({ event: 'claim', data: claim });
      return;
    }
    // Its slot may be gone by now.
    const data = claim ?? (last && { ...last, state: 'over', remainingSeconds: 0 });
    outlet.send({ event: 'over', data });
    outlet.finish();
  };
  const ticking = setInterval(tell, COUNT_MS);
  outlet.whenClosed(() => clearInterval(ticking));
  watchChanges(sight.known, outlet, { kind: 'pool', key: `${tenant}.${pool}`, tell });
}
