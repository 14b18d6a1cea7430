/** A server that speaks the gateway's API as far as a test says, and the command line run against it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { runCommandLine } from '../../../cli/program.ts';
import { type RefusalCode, refusals } from '../../../subjects/index.ts';
import { noTerminal, terminalOf } from '../../support/no-terminal.ts';

export const NOW = Date.parse('2026-11-21T10:00:00.000Z');

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Takes the response over. */
  readonly raw?: (response: ServerResponse) => void;
}

type Route = Answer | ((asked: Asked, times: number) => Answer);

/** Answers by `GET /path`; what is not listed is refused as the gateway refuses it. */
export class StubGateway implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly #routes: Readonly<Record<string, Route>>;
  readonly #times = new Map<string, number>();
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  private constructor(routes: Readonly<Record<string, Route>>) {
    this.#routes = routes;
  }

  static async start(routes: Readonly<Record<string, Route>>): Promise<StubGateway> {
    const stub = new StubGateway(routes);
    await new Promise<void>((resolve) => stub.#server.listen(0, '127.0.0.1', resolve));
    return stub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What was asked, one line each. */
  get lines(): readonly string[] {
    return this.asked.map(({ method, path, query }) => {
      const text = new URLSearchParams(query).toString();
      return `${method} ${path}${text === '' ? '' : `?${text}`}`;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://stub');
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const text = Buffer.concat(pieces).toString();
    const asked: Asked = {
      method: request.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: request.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
    this.asked.push(asked);
    const key = `${asked.method} ${asked.path}`;
    const times = (this.#times.get(key) ?? 0) + 1;
    this.#times.set(key, times);
    const route = this.#routes[key] ?? refused('route-unknown', `there is no ${key}`);
    const {
      status = 200,
      headers = {},
      body,
      raw,
    } = typeof route === 'function' ? route(asked, times) : route;
    if (raw) return raw(response);
    const type = status < 400 ? 'application/json' : 'application/problem+json';
    response.writeHead(status, { 'Content-Type': type, ...headers });
    response.end(JSON.stringify(body));
  }
}

/** A refusal as the gateway tells it. */
export function refused(code: RefusalCode, detail: string, more: object = {}): Answer {
  const { http: status, user: title, retry } = refusals[code];
  const type = `urn:shoal:problem:${code}`;
  return { status, body: { type, title, status, detail, code, id: 'r-1', retry, ...more } };
}

/** A stream of events, as its text; the connection ends after it unless `isOpen`. */
export function stream(text: string, isOpen = false): Answer {
  return {
    raw: (response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(text);
      if (!isOpen) response.end();
    },
  };
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface World {
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array | string;
  /** What a person makes of a text; default: nothing else. */
  readonly edit?: (text: string) => string;
  /** Width of the terminal all of it goes to; default: there is none. */
  readonly columns?: () => number;
  /** Called with all of stdout after each line; true: Ctrl-C. */
  readonly interruptWhen?: (out: string) => boolean;
}

/** Runs a command line in a world of its own: time passes only while it pauses. */
export async function shoal(
  stub: StubGateway | undefined,
  words: string | readonly string[],
  world: World = {},
): Promise<Ran> {
  let [out, err, now] = ['', '', NOW];
  const interrupted = new AbortController();
  const code = await runCommandLine(
    typeof words === 'string' ? words.split(' ').filter((each) => each !== '') : words,
    {
      out: (text) => {
        out += `${text}\n`;
        if (world.interruptWhen?.(out)) interrupted.abort();
      },
      err: (text) => {
        err += `${text}\n`;
      },
      now: () => now,
      pause: async (ms) => {
        now += ms;
        await setImmediate();
      },
      stdin: async () => Buffer.from(world.stdin ?? ''),
      edit: async (text, fileName) => ({
        text: world.edit?.(text) ?? text,
        file: `/edited/${fileName}`,
        forget: async () => {
          err += `(${fileName} is removed)\n`;
        },
      }),
      terminal:
        world.columns === undefined
          ? noTerminal()
          : terminalOf(world.columns, (text) => {
              err += text;
            }),
      environment: { ...(stub ? { SHOAL_GATEWAY: stub.url } : {}), ...world.environment },
      signal: interrupted.signal,
      signals: { take: () => () => undefined },
    },
  );
  return { code, out, err };
}
