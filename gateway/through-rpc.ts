/**
 * Tells requests that came over HTTP from those that another door has translated, for log and
 * counts: what runs inside `throughRpc` knows by which method.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

const method = new AsyncLocalStorage<string>();

/** Runs something for a method, and all it causes. */
export function throughRpc<T>(rpc: string, run: () => T): T {
  return method.run(rpc, run);
}

/** The method this is done for; undefined: it is a request over HTTP. */
export function rpcNow(): string | undefined {
  return method.getStore();
}
