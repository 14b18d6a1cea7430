/** Tells when nobody waits for an answer any more. */
import type { FastifyReply } from 'fastify';
import { rpcGone } from '../through-rpc.ts';

/** Aborted when the call ends before its answer, through whatever door it came. */
export function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort();
  });
  const other = rpcGone();
  return other ? AbortSignal.any([gone.signal, other]) : gone.signal;
}
