/**
 * Makes sure that every command talks to the gateway alike: what it refuses, and its absence,
 * become failures with a sentence; what was written is seen by what is read afterwards.
 */
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { SESSION_MESSAGE_MAX } from '../subjects/index.ts';
import { type RefusalBody, RefusedFailure, UnreachableFailure, UsageFailure } from './failure.ts';
import { refusalText } from './present/refusal.ts';

export const DEFAULT_GATEWAY = 'http://127.0.0.1:8480';
/** Longest wait for an answer: the gateway itself gives up on an actor after 6 s. */
const ANSWER_MS = 15_000;

export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

export interface Ask {
  readonly query?: Query;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** How long an answer is waited for, in milliseconds; default: 15 s. */
  readonly withinMs?: number;
}

const problem = z.object({
  title: z.string(),
  status: z.number(),
  detail: z.string().default(''),
  code: z.string(),
  id: z.string().default('unknown'),
  retry: z.enum(['never', 'later', 'elsewhere']).default('never'),
  places: z.array(z.object({ path: z.string(), message: z.string() })).default([]),
});

export class Gateway {
  readonly base: string;
  readonly #signal: AbortSignal;
  /** Newest revision of the store that a write of this process has led to. */
  #revision = 0;

  /** Throws UsageFailure for what is no http address. */
  constructor(base: string, signal: AbortSignal) {
    const url = URL.canParse(base) ? new URL(base) : undefined;
    if (!url || !/^https?:$/.test(url.protocol)) {
      throw new UsageFailure(
        `"${base}" is not the address of a gateway; give one like ${DEFAULT_GATEWAY} in SHOAL_GATEWAY or --gateway`,
      );
    }
    this.base = url.href.replace(/\/+$/, '');
    this.#signal = signal;
  }

  /** Reads; sees everything this process wrote before. */
  async read<T>(path: string, query: Query = {}): Promise<T> {
    const minRevision = this.#revision > 0 ? this.#revision : undefined;
    return this.#json('GET', path, { query: { ...query, minRevision } });
  }

  /** Reads what says by its status, too, that something is not well. */
  async probe<T>(path: string): Promise<T> {
    const response = await this.#fetch(path, {}, 'GET', this.#patience());
    return this.#parsed(response, await this.#text(response));
  }

  /** Changes something. */
  async write<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, ask: Ask = {}): Promise<T> {
    return this.#json(method, path, ask);
  }

  /** An answer that goes on: its body is still to be read, and `end` ends it. */
  async open(
    path: string,
    ask: {
      readonly query?: Query;
      readonly lastId?: string;
      readonly end: AbortSignal;
      /** Asks for something to be done, and to hear how it goes; default: reads. */
      readonly post?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    },
  ): Promise<Response> {
    const headers: Record<string, string> = { ...ask.headers, Accept: 'text/event-stream' };
    if (ask.lastId) headers['Last-Event-ID'] = ask.lastId;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), ANSWER_MS);
    try {
      const signal = AbortSignal.any([this.#signal, ask.end, late.signal]);
      const what = { query: ask.query ?? {}, headers, body: ask.post };
      const method = ask.post === undefined ? 'GET' : 'POST';
      const response = await this.#fetch(path, what, method, signal);
      if (!response.ok) throw this.#refused(response, await response.text());
      return response;
    } finally {
      clearTimeout(timer);
    }
  }

  /** A WebSocket; nothing is read from it before `resume`. */
  async connect(path: string, query: Query, protocol: string): Promise<WebSocket> {
    const { WebSocket: Client } = await import('ws');
    const socket = new Client(
      `${this.base.replace(/^http/, 'ws')}${path}${queryText(query)}`,
      protocol,
      {
        ...{
          handshakeTimeout: ANSWER_MS,
          perMessageDeflate: false,
          maxPayload: SESSION_MESSAGE_MAX,
        },
      },
    );
    const end = (): void => socket.terminate();
    this.#signal.addEventListener('abort', end, { once: true });
    try {
      return await new Promise<WebSocket>((resolve, reject) => {
        socket.once('open', () => {
          socket.pause();
          resolve(socket);
        });
        socket.once('unexpected-response', (_request, answer) => {
          void textOf(answer).then((response) => reject(this.#refused(...response)), reject);
        });
        socket.once('error', (error) => reject(this.#unreachable(error)));
      });
    } finally {
      this.#signal.removeEventListener('abort', end);
    }
  }

  async #json<T>(method: string, path: string, ask: Ask): Promise<T> {
    const headers = { Accept: 'application/json', ...ask.headers };
    const { withinMs, ...of } = ask;
    const patience = this.#patience(withinMs);
    const response = await this.#fetch(path, { ...of, headers }, method, patience);
    const text = await this.#text(response);
    if (!response.ok) throw this.#refused(response, text);
    const revision = Number(response.headers.get('Shoal-Revision') ?? 0);
    if (revision > this.#revision) this.#revision = revision;
    return this.#parsed(response, text);
  }

  #patience(withinMs = ANSWER_MS): AbortSignal {
    return AbortSignal.any([this.#signal, AbortSignal.timeout(withinMs)]);
  }

  async #text(response: Response): Promise<string> {
    return response.text().catch((error) => {
      throw this.#unreachable(error);
    });
  }

  #parsed<T>(response: Response, text: string): T {
    try {
      return JSON.parse(text) as T;
    } catch {
      throw this.#foreign(response);
    }
  }

  async #fetch(path: string, ask: Ask, method: string, signal: AbortSignal): Promise<Response> {
    const body =
      ask.body === undefined
        ? {}
        : { body: JSON.stringify(ask.body), headers: { 'Content-Type': 'application/json' } };
    try {
      return await fetch(`${this.base}${path}${queryText(ask.query ?? {})}`, {
        method,
        ...body,
        headers: { ...ask.headers, ...body.headers },
        signal,
      });
    } catch (error) {
      throw this.#unreachable(error);
    }
  }

  /** Ctrl-C stays what it is; everything else is a gateway that does not answer. */
  #unreachable(error: unknown): unknown {
    if (this.#signal.aborted) return error;
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const { name, code, message } = cause as { name?: string; code?: string; message?: string };
    const isLate = name === 'TimeoutError' || name === 'AbortError';
    const why = isLate ? `no answer in ${ANSWER_MS / 1000} s` : (reasons[code ?? ''] ?? message);
    return new UnreachableFailure(
      `no gateway at ${this.base} (${why}); start a fabric with \`make up\`, or set SHOAL_GATEWAY or --gateway to where one runs`,
    );
  }

  #refused(response: Response, text: string): Error {
    const refusal = readProblem(text);
    return refusal ? new RefusedFailure(refusal, refusalText(refusal)) : this.#foreign(response);
  }

  #foreign(response: Response): Error {
    const type = response.headers.get('Content-Type') ?? 'no content type';
    return new UnreachableFailure(
      `what answers at ${this.base} is no gateway of Shoal (status ${response.status}, ${type}); set SHOAL_GATEWAY or --gateway to where one runs`,
    );
  }
}

/** An answer of Node's client as `fetch` gives it, with its text. */
async function textOf(answer: IncomingMessage): Promise<[Response, string]> {
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  const text = Buffer.concat(pieces).toString();
  const type = answer.headers['content-type'] ?? '';
  const status = answer.statusCode ?? 502;
  return [new Response(null, { status, headers: { 'Content-Type': type } }), text];
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'unknown host name',
  EAI_AGAIN: 'unknown host name',
  ECONNRESET: 'connection lost',
  HPE_INVALID_CONSTANT: 'what answers there does not speak HTTP',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connection timed out',
  UND_ERR_SOCKET: 'connection lost',
  UND_ERR_CONNECT_TIMEOUT: 'connection timed out',
};

/** What a gateway refused with; undefined: the text is none of its. */
export function readProblem(text: string): RefusalBody | undefined {
  try {
    return problem.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function queryText(query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    if (Array.isArray(value)) for (const each of value) search.append(name, each);
    else search.append(name, String(value));
  }
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}
