/**
 * Makes sure that every call has an id, is limited, counted and told of as a request over HTTP is,
 * and that however it fails its caller gets a status of the catalogue.
 */
import { type Metadata, type StatusObject, status } from '@grpc/grpc-js';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Type } from 'protobufjs';
import { type Spanned, spanOfRequest } from '../../actors/runtime/tracing.ts';
import { type Answer, type Refusal, refusal } from '../../subjects/index.ts';
import { isFault, RefusedError, refusalOf } from '../http/error-refusal.ts';
import { FIRM_HEADER } from '../http/firm.ts';
import { problemOf } from '../http/problem.ts';
import { REQUEST_ID_HEADER } from '../http/refuse.ts';
import { requestId } from '../http/request-id.ts';
import { traceparentIn } from '../http/trace.ts';
import type { Inside } from '../inside.ts';
import { decodeJson, type Json } from './message.ts';
import { statusOf } from './status.ts';

/** What methods need: the API whose operations they lead to, and what lies behind it. */
export interface Door {
  readonly api: FastifyInstance;
  readonly inside: Inside;
  /** Counts a stream of one address; undefined: it may be opened. */
  admit(address: string): Promise<Refusal | undefined>;
}

/** The part of a call that every kind of call has. */
interface AnyCall {
  readonly metadata: Metadata;
  getPeer(): string;
}

/** A call as the log and the API know it. */
export class CallInfo {
  readonly rpc: string;
  readonly id: string;
  /** Address of the caller, without its port. */
  readonly address: string;
  readonly traceparent: string | undefined;
  /** As the header of this name over HTTP. */
  readonly firm: string | undefined;
  readonly #inside: Inside;
  readonly #began = performance.now();

  constructor(inside: Inside, rpc: string, call: AnyCall) {
    const [given] = call.metadata.get(REQUEST_ID_HEADER);
    const [traceparent] = call.metadata.get('traceparent');
    const [firm] = call.metadata.get(FIRM_HEADER);
    this.#inside = inside;
    this.rpc = rpc;
    this.id = requestId(given, inside.newId);
    this.address = addressIn(call.getPeer());
    this.traceparent = traceparentIn(traceparent);
    this.firm = firm === undefined ? undefined : String(firm);
  }

  /** The status a refusal is told as. */
  refused(because: Refusal): StatusObject {
    return statusOf(problemOf(because, this.id));
  }

  /** The status of something that was thrown; what nobody foresaw is told in the log. */
  failed(error: unknown): StatusObject {
    const because = refusalOf(error);
    if (isFault(because)) {
      const { id, rpc } = this;
      this.#inside.log.error('a call made the gateway fail', { id, rpc, error });
    }
    return this.refused(because);
  }

  /** Counts the call. Returns how long it took, in milliseconds. */
  done(code: status): number {
    const durationMs = performance.now() - this.#began;
    const name = status[code] ?? 'UNKNOWN';
    this.#inside.meters.called({ rpc: this.rpc, code: name, seconds: durationMs / 1000 });
    return durationMs;
  }

  /** The request in a message. */
  read(type: Type, bytes: Uint8Array): Json {
    try {
      return decodeJson(type, bytes);
    } catch {
      const detail = `the message is no ${type.name}; compare your proto file with this gateway's`;
      throw new RefusedError(refusal('request-malformed', detail));
    }
  }
}

/** Statuses that are failures of this side. */
const failures: ReadonlySet<status> = new Set([
  ...[status.UNKNOWN, status.DEADLINE_EXCEEDED, status.UNIMPLEMENTED],
  ...[status.INTERNAL, status.UNAVAILABLE, status.DATA_LOSS],
]);

/** A call that lasts, with a span as long as it does; one with a single answer has its operation's. */
export class LastingCall {
  readonly info: CallInfo;
  readonly #inside: Inside;
  readonly #span: Spanned;

  constructor(inside: Inside, rpc: string, call: AnyCall) {
    this.#inside = inside;
    this.info = new CallInfo(inside, rpc, call);
    this.#span = spanOfRequest(rpc, this.info.traceparent);
  }

  /** What it causes carries this. */
  get traceparent(): string | undefined {
    return this.#span.traceparent;
  }

  /** It is over: counted, told of, and its span ended with its status. */
  done(what: 'stream' | 'session', ended: status): void {
    const { id, rpc } = this.info;
    const code = status[ended] ?? 'UNKNOWN';
    this.#span.end(failures.has(ended) ? code : undefined, code);
    const durationMs = Math.round(this.info.done(ended));
    this.#inside.log.debug(`${what} done`, { id, rpc, code, durationMs });
  }
}

/** The value of an answer. Throws what refuses it. */
export function valueIn<T>(answer: Answer<T>): T {
  if (answer.ok) return answer.value;
  throw new RefusedError(answer.refusal);
}

/** Limits streams together with the requests of their address. */
export function admission(api: FastifyInstance, requestsPerSecond: number): Door['admit'] {
  const limit = api.createRateLimit();
  return async (ip) => {
    const found = await limit({ ip, routeOptions: {} } as FastifyRequest);
    const isExceeded = !found.isAllowed && found.isExceeded;
    if (!isExceeded) return undefined;
    return refusal('rate-limited', `at most ${requestsPerSecond} requests per second`);
  };
}

/** `127.0.0.1` of `127.0.0.1:50123`, `::1` of `[::1]:50123`. */
export function addressIn(peer: string): string {
  const host = peer.replace(/^ipv[46]:/, '').replace(/:\d+$/, '');
  return host.replace(/^\[(.*)\]$/, '$1');
}
