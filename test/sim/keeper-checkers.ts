/**
 * A keeper that is watched: what it removes without a trace was a marker, never a value, and is
 * removed by a copy that acts.
 */
import type { Keeper } from '../../actors/runtime/keeper.ts';
import type { MemoryServer } from '../../actors/runtime/memory/server.ts';
import { type Bucket, covers, storeSubject } from '../../subjects/index.ts';
import type { Checkers } from './checkers.ts';
import type { ProcessClock } from './process-clock.ts';

interface Around {
  readonly server: MemoryServer;
  /** Of the process: one whose device was suspended cannot know how long. */
  readonly clock: ProcessClock;
  readonly checkers: Checkers;
}

/** The keeper, with word of every value it is told to remove, and of every term that is past. */
export function carefulKeeper(keeper: Keeper, { server, clock, checkers }: Around): Keeper {
  return {
    ...keeper,
    purge(of, done) {
      if (!clock.wasSuspended) checkers.removes(of.under);
      const bucket = of.stream.startsWith('KV_') ? (of.stream.slice(3) as Bucket) : undefined;
      for (const { key, revision, body } of bucket ? server.stored(bucket) : []) {
        if (body === null || revision >= of.before) continue;
        const isMeant = bucket && covers(of.pattern, storeSubject(bucket, key));
        if (isMeant) checkers.violation(`${key} is purged while it has a value`);
      }
      keeper.purge(of, done);
    },
  };
}
