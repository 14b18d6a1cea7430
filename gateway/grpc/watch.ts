/** Makes sure that a method with a stream gives what server-sent events give, as messages. */
import { type handleServerStreamingCall, Metadata } from '@grpc/grpc-js';
import type { z } from 'zod';
import { poolOf, refusal } from '../../subjects/index.ts';
import type { CallAsk } from '../ask-actor.ts';
import { resumeAfter } from '../events/after.ts';
import type { EventFilter } from '../events/told.ts';
import { watchEvents } from '../events/watch.ts';
import { InvalidPartError, RefusedError } from '../http/error-refusal.ts';
import {
  claimNotFound,
  instanceNotFound,
  nodeNotFound,
  poolNotFound,
  workloadNotFound,
} from '../http/not-found.ts';
import type { Operation } from '../http/operations.ts';
import { REQUEST_ID_HEADER } from '../http/refuse.ts';
import type { Inside } from '../inside.ts';
import { type ClaimWants, standing } from '../line/key.ts';
import { streamWait } from '../line/stream.ts';
import { followLines } from '../logs/read.ts';
import { instanceSource, type LogQuery, wantedBacklog, workloadSource } from '../logs/source.ts';
import { claimOf } from '../present/pool.ts';
import { watchClaim, watchPool } from '../watch/pools.ts';
import {
  instanceOfKnown,
  watchInstance,
  watchNode,
  watchWorkload,
  workloadOfKnown,
} from '../watch/things.ts';
import { type Door, LastingCall, valueIn } from './call.ts';
import type { Rpc } from './contract.ts';
import { encodeJson, type Json } from './message.ts';
import type { Method } from './methods.ts';
import { CallOutlet } from './outlet.ts';
import { httpCall } from './request.ts';

/** What is asked for, checked; returns how to begin. */
type Opening = (inside: Inside, operation: Operation, asked: Asked) => Promise<Begin>;
type Begin = (outlet: CallOutlet) => void;

interface Asked {
  /** Parts of the path. */
  readonly params: Json;
  readonly query: Json;
  readonly body: Json;
  readonly headers: Readonly<Record<string, string>>;
  /** What it causes carries this. */
  readonly traceparent: string | undefined;
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
      ({ event, data }) => encodeJson(rpc.answer, method.oneOf ? { [`${event}`]: data } : data),
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
      const { traceparent } = lasting;
      const start = await open(inside, operation, { ...wanted, traceparent });
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

function askedOf(method: Method, operation: Operation, request: Json): Omit<Asked, 'traceparent'> {
  const { query: text, body: written, headers } = valueIn(httpCall(method, operation, request));
  const query = checked('querystring', operation.query, text);
  const body = checked('body', operation.body, written === undefined ? null : JSON.parse(written));
  return { params: request, query, body, headers };
}

/** A part of the call as its operation takes it. Throws what its schema refuses. */
function checked(
  part: 'querystring' | 'body',
  schema: z.ZodType | undefined,
  given: unknown,
): Json {
  const parsed = schema?.safeParse(given);
  if (parsed && !parsed.success) throw new InvalidPartError(part, parsed.error.issues);
  return (parsed?.data ?? {}) as Json;
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

const place: Opening = async (inside, _operation, asked) => {
  const { params, query, body, headers, traceparent } = asked;
  const tokens = { tenant: String(query['tenant']), pool: String(params['name']) };
  const wait = query['wait'] as string | undefined;
  const waiting = standing(body as ClaimWants, wait, headers['idempotency-key']);
  const ask: CallAsk = async (contract, of, payload) =>
    (await inside.inquire(contract, of, payload, { traceparent })).answer;
  return (outlet) =>
    void streamWait(inside, outlet, {
      ...{ ask, tokens, waiting },
      refuse: (because) => outlet.end(because),
    });
};

const workload: Opening = async (inside, _operation, { params, query }) => {
  const of = { tenant: String(query['tenant']), name: String(params['name']) };
  if (!workloadOfKnown(inside, of)) throw new RefusedError(workloadNotFound(of.tenant, of.name));
  return (outlet) => watchWorkload(inside, outlet, of);
};

const instance: Opening = async (inside, _operation, { params, query }) => {
  const of = { tenant: String(query['tenant']), name: String(params['id']) };
  if (!instanceOfKnown(inside, of)) throw new RefusedError(instanceNotFound(of.tenant, of.name));
  return (outlet) => watchInstance(inside, outlet, of);
};

const node: Opening = async (inside, _operation, { params }) => {
  const id = String(params['id']);
  if (!inside.known.nodes.get({ node: id })) throw new RefusedError(nodeNotFound(id));
  return (outlet) => watchNode(inside, outlet, id);
};

const openings: Readonly<Record<NonNullable<Method['streams']>, Opening>> = {
  ...{ Event: events, LogLine: lines, Pool: pool, Claim: claim },
  ...{ Workload: workload, Instance: instance, NodeDetail: node, ClaimProgress: place },
};
