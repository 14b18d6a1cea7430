/** Makes sure that a method with one answer answers as its operation does over HTTP. */
import { type handleUnaryCall, Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { REVISION_HEADER } from '../../actors/runtime/ports.ts';
import { FIRM_HEADER } from '../http/firm.ts';
import type { Operation } from '../http/operations.ts';
import type { Problem } from '../http/problem.ts';
import { REQUEST_ID_HEADER } from '../http/refuse.ts';
import { throughRpc } from '../through-rpc.ts';
import { CallInfo, type Door, valueIn } from './call.ts';
import type { Rpc } from './contract.ts';
import { encodeJson } from './message.ts';
import type { Method } from './methods.ts';
import { httpCall } from './request.ts';
import { statusOf } from './status.ts';

/** Statuses from here on are problems. */
const PROBLEM_STATUS = 400;

interface Answered {
  readonly bytes: Uint8Array;
  readonly metadata: Metadata;
}

/** Answers calls of a method. */
export function unary(
  door: Door,
  method: Method,
  operation: Operation,
  rpc: Rpc,
): handleUnaryCall<Uint8Array, Uint8Array> {
  return (call, callback) => {
    const info = new CallInfo(door.inside, rpc.name, call);
    const gone = new AbortController();
    call.on('cancelled', () => gone.abort());
    const end = (failed: StatusObject | null, answered?: Answered): void => {
      if (answered) call.sendMetadata(answered.metadata);
      info.done(failed?.code ?? status.OK);
      callback(failed, answered?.bytes);
    };
    const asked = { method, operation, rpc, bytes: call.request, gone: gone.signal };
    answer(door, info, asked).then(
      (answered) => ('code' in answered ? end(answered) : end(null, answered)),
      (error) => end(info.failed(error)),
    );
  };
}

async function answer(
  { api }: Door,
  info: CallInfo,
  asked: {
    readonly method: Method;
    readonly operation: Operation;
    readonly rpc: Rpc;
    readonly bytes: Uint8Array;
    /** Aborted when nobody waits for the answer any more. */
    readonly gone: AbortSignal;
  },
): Promise<Answered | StatusObject> {
  const { method, operation, rpc, bytes, gone } = asked;
  const call = valueIn(httpCall(method, operation, info.read(rpc.request, bytes)));
  const reply = await throughRpc(rpc.name, gone, () =>
    api.inject({
      ...{ method: call.method as 'GET', url: call.path, remoteAddress: info.address },
      query: call.query as Record<string, string | string[]>,
      headers: {
        ...call.headers,
        [REQUEST_ID_HEADER]: info.id,
        ...(info.traceparent === undefined ? {} : { traceparent: info.traceparent }),
        ...(info.firm === undefined ? {} : { [FIRM_HEADER]: info.firm }),
      },
      ...(call.body === undefined ? {} : { payload: call.body }),
    }),
  );
  if (reply.statusCode >= PROBLEM_STATUS) return statusOf(reply.json<Problem>());
  const metadata = new Metadata();
  metadata.set(REQUEST_ID_HEADER, info.id);
  const revision = reply.headers[REVISION_HEADER.toLowerCase()];
  if (revision !== undefined) metadata.set(REVISION_HEADER.toLowerCase(), String(revision));
  return { bytes: encodeJson(rpc.answer, reply.json()), metadata };
}
