/** Caddy's admin API, as far as the table of routes needs it. */
import { Agent, request } from 'node:http';
import { type Found, tableId, type Write } from './table.ts';

/** As long as a reload with thousands of routes takes, and more, in milliseconds. */
const ANSWER_MS = 10_000;
/** Most bytes of an answer: some ten thousand routes. */
const ANSWER_BYTES_MAX = 16 * 2 ** 20;
/** Most characters of what Caddy says that are told on. */
const REASON_MAX = 300;

interface Answer {
  readonly status: number;
  readonly etag: string;
  readonly text: string;
}

/** What Caddy answered when it did not do what it was asked for. */
export class CaddyRefused extends Error {
  constructor({ status, text }: Answer) {
    super(`Caddy answered ${status}: ${text.trim().slice(0, REASON_MAX)}`);
  }
}

export class CaddyAdmin {
  readonly #url: string;
  /** A connection for each call: Caddy ends those that are idle with every configuration it loads. */
  readonly #agent = new Agent({ keepAlive: false, maxSockets: 1 });

  /** `url`: where the API is, `http://127.0.0.1:2019`. */
  constructor(url: string) {
    this.#url = url;
  }

  /** What Caddy has of a server's table. Throws with why it is not known. */
  async find(server: string): Promise<Found> {
    const table = await this.#read(`/id/${tableId(server)}`);
    if (table.status === 200) {
      return { kind: 'table', etag: table.etag, handler: JSON.parse(table.text) };
    }
    if (table.status !== 404) throw new CaddyRefused(table);
    const path = `/config/apps/http/servers/${server}`;
    const { status, text } = await this.#read(path);
    // 400: not even what it would lie in is there.
    const found = status === 200 ? JSON.parse(text) : status === 400 ? null : undefined;
    if (found === undefined) throw new CaddyRefused({ status, text, etag: '' });
    return { kind: 'none', server: found === null ? undefined : { routes: countOf(found) } };
  }

  /**
   * Writes. False: what is there is not what was read, or it is not known whether it was written: read
   * again. Throws with why it was not written.
   */
  async write({ method, path, ifMatch, body }: Write): Promise<boolean> {
    const headers = {
      'content-type': 'application/json',
      ...(ifMatch ? { 'if-match': ifMatch } : {}),
    };
    const asked = this.#call(method, path, headers, JSON.stringify(body));
    const answer = await asked.catch((error) => {
      if (isReset(error)) return undefined;
      throw error;
    });
    if (!answer || answer.status === 412) return false;
    if (answer.status !== 200) throw new CaddyRefused(answer);
    return true;
  }

  async #read(path: string): Promise<Answer> {
    return this.#call('GET', path).catch((error) => {
      if (isReset(error)) return this.#call('GET', path);
      throw error;
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #call(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: string,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = { method, headers, agent: this.#agent };
      const asked = request(`${this.#url}${path}`, options, (response) => {
        const parts: Buffer[] = [];
        let bytes = 0;
        response.on('data', (part: Buffer) => {
          bytes += part.length;
          if (bytes > ANSWER_BYTES_MAX) asked.destroy(new Error('the answer is too long'));
          else parts.push(part);
        });
        response.once('error', reject);
        response.once('end', () => {
          const { statusCode: status = 0, trailers, headers: said } = response;
          // A tag comes behind the body: it is made of it.
          const etag = trailers['etag'] ?? said.etag ?? '';
          resolve({ status, etag, text: Buffer.concat(parts).toString() });
        });
      });
      const late = setTimeout(
        () => asked.destroy(new Error(`no answer within ${ANSWER_MS} ms`)),
        ANSWER_MS,
      );
      asked.once('close', () => clearTimeout(late));
      asked.once('error', reject);
      asked.end(body);
    });
  }
}

/** Whether a connection was ended: Caddy opens its admin API anew with every configuration it loads. */
function isReset(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ECONNRESET';
}

/** How many routes a server has. */
function countOf(server: unknown): number {
  const { routes } = server as { readonly routes?: unknown };
  return Array.isArray(routes) ? routes.length : 0;
}
