/** A keeper that is watched: what it removes without a trace was a marker, never a value. */
import type { Keeper } from '../../actors/runtime/keeper.ts';
import type { MemoryServer } from '../../actors/runtime/memory/server.ts';
import { type Bucket, covers, storeSubject } from '../../subjects/index.ts';

/** The keeper, with word of every value it is told to remove. */
export function carefulKeeper(
  keeper: Keeper,
  server: MemoryServer,
  violation: (what: string) => void,
): Keeper {
  return {
    ...keeper,
    purge(of, done) {
      const bucket = of.stream.startsWith('KV_') ? (of.stream.slice(3) as Bucket) : undefined;
      for (const { key, revision, body } of bucket ? server.stored(bucket) : []) {
        if (body === null || revision >= of.before) continue;
        const isMeant = bucket && covers(of.pattern, storeSubject(bucket, key));
        if (isMeant) violation(`${key} is purged while it has a value`);
      }
      keeper.purge(of, done);
    },
  };
}
