/** Makes sure that a method with a stream gives what server-sent events give, as messages. */
import { type handleServerStreamingCall, Metadata } from '@grpc/grpc-js';
import { poolOf, refusal } from '../../subjects/index.ts';
import { resumeAfter } from '../events/after.ts';
import type { EventFilter } from '../events/told.ts';
import { watchEvents } from '../events/watch.ts';
import { InvalidPartError, RefusedError } from '../http/error-refusal.ts';
import { claimNotFound, poolNotFound } from '../http/not-found.ts';
import type { Operation } from '../http/operations.ts';
import { REQUEST_ID_HEADER } from '../http/refuse.ts';
import type { Inside } from '../inside.ts';
import { followLines } from '../logs/read.ts';
import { instanceSource, type LogQuery, wantedBacklog, workloadSource } from '../logs/source.ts';
import { watchClaim, watchPool } from '../pools/watch.ts';
import { claimOf } from '../present/pool.ts';
import type { Outlet } from '../streams/outlet.ts';
import { type Door, LastingCall, valueIn } from './call.ts';
import type { Rpc } from './contract.ts';
import { encodeJson, type Json } from './message.ts';
import type { Method } from './methods.ts';
import { CallOutlet } from './outlet.ts';
import { httpCall } from './request.ts';

/** What is asked for, checked; returns how to begin. */
type Opening = (inside: Inside, operation: Operation, asked: Asked) => Promise<Begin>;
type Begin = (outlet: Outlet) => void;

interface Asked {
  /** Parts of the path. */
  readonly params: Json;
  readonly query: Json;
}

/** Answers calls of a method that streams. */
export function watching(
  door: Door,
  method: Method,
  operation: Operation,
  rpc: Rpc,
): handleServerStreamingCall<Uint8Array, Uint8Array> {
  const { inside } = door;
  const open = openings[method.streams ?? 'Event'];
  return (call) => {
    const lasting = new LastingCall(inside, rpc.name, call);
    const { info } = lasting;
    const outlet = new CallOutlet(
      call,
      (data) => encodeJson(rpc.answer, data),
      (because) => info.refused(because),
    );
    inside.grpcCalls.add(outlet);
    outlet.whenClosed((code) => {
      inside.grpcCalls.delete(outlet);
      lasting.done('stream', code);
    });
    const begin = async (): Promise<void> => {
      const limited = await door.admit(info.address);
      if (limited) return outlet.end(limited);
      const wanted = askedOf(method, operation, info.read(rpc.request, call.request));
      const start = await open(inside, operation, wanted);
      const metadata = new Metadata();
      metadata.set(REQUEST_ID_HEADER, info.id);
      if (!outlet.isOpen) return;
      if (inside.clients.isStopping) return outlet.end(stopping());
      // Tells the caller that it misses nothing from here on: nothing comes in between.
      call.sendMetadata(metadata);
      start(outlet);
    };
    begin().catch((error) => outlet.fail(info.failed(error)));
  };
}

/** Why streams are ended when the gateway stops. */
export function stopping() {
  return refusal('gateway-stopping', 'the gateway is stopping');
}

function askedOf(method: Method, operation: Operation, request: Json): Asked {
  const { query: text } = valueIn(httpCall(method, operation, request));
  const parsed = operation.query?.safeParse(text);
  if (parsed && !parsed.success) throw new InvalidPartError('querystring', parsed.error.issues);
  return { params: request, query: (parsed?.data ?? {}) as Json };
}

const events: Opening = async ({ feed, streams }, _operation, { query }) => {
  const { after: seen, limit: _limit, minRevision: _revision, ...filter } = query;
  const after = seen === undefined ? undefined : await resumeAfter(streams, seen as number);
  return (outlet) =>
    watchEvents({ feed, streams }, outlet, { filter: filter as EventFilter, after });
};

const lines: Opening = async ({ known, streams }, operation, { params, query: checked }) => {
  const query = checked as unknown as LogQuery;
  const source =
    operation.id === 'workloadLogs'
      ? workloadSource(known, String(params['name']), query)
      : instanceSource(known, String(params['id']), query);
  const found = valueIn(await source);
  const backlog = valueIn(await wantedBacklog(streams, found, query, true));
  return (outlet) => followLines(streams, found.subjects, backlog, outlet);
};

const pool: Opening = async ({ known }, _operation, { params, query }) => {
  const of = { tenant: String(query['tenant']), pool: String(params['name']) };
  if (!known.pools.get(of)) throw new RefusedError(poolNotFound(of.tenant, of.pool));
  return (outlet) => watchPool(known, outlet, of);
};

const claim: Opening = async (inside, _operation, { params, query }) => {
  const [id, tenant] = [String(params['id']), String(query['tenant'])];
  const of = { tenant, pool: poolOf(id) ?? id };
  if (!claimOf(inside, { ...of, slot: id }, Date.now())) {
    throw new RefusedError(claimNotFound(tenant, id));
  }
  return (outlet) => watchClaim(inside, outlet, { ...of, claim: id });
};

const openings: Readonly<Record<NonNullable<Method['streams']>, Opening>> = {
  ...{ Event: events, LogLine: lines, Pool: pool, Claim: claim },
};
