/**
 * Tells requests that came over HTTP from those that another door has translated, for log and
 * counts: what runs inside `throughRpc` knows by which method, and when its caller has left.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

interface Through {
  readonly rpc: string;
  /** Aborted when nobody waits for the answer any more. */
  readonly gone: AbortSignal;
}

const through = new AsyncLocalStorage<Through>();

/** Runs something for a call of a method, and all it causes. */
export function throughRpc<T>(rpc: string, gone: AbortSignal, run: () => T): T {
  return through.run({ rpc, gone }, run);
}

/** The method this is done for; undefined: it is a request over HTTP. */
export function rpcNow(): string | undefined {
  return through.getStore()?.rpc;
}

/** Aborted when the caller of the method has left; undefined: it is a request over HTTP. */
export function rpcGone(): AbortSignal | undefined {
  return through.getStore()?.gone;
}
