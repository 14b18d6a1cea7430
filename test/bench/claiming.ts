/** Callers who claim slots of a pool, over HTTP and over the bus, and how long each waits. */
import { Agent, request } from 'node:http';
import { ask } from '../../actors/runtime/ask.ts';
import { claimAcquire, claimExtend, type PayloadOf } from '../../subjects/index.ts';
import type { FabricUnderTest } from '../support/fabric.ts';
import { percentile } from './figure.ts';

/** The pool they claim of. */
export const pool = { tenant: 'default', pool: 'many' };

/** One claim; how long the caller waited, in milliseconds. Rejects where there is none. */
export type Claiming = () => Promise<number>;

/** What comes of a request: throws where that is not what was asked for. */
type Take = (status: number | undefined, text: string) => void;

/** The claims of one fabric's pool; its connections are closed with it. */
export class Claims implements Disposable {
  /** Ids of what was claimed. */
  readonly held: string[] = [];
  /** Revisions of the store that the answers over the bus rest on. */
  readonly revisions: number[] = [];
  readonly #under: FabricUnderTest;
  readonly #agent = new Agent({ keepAlive: true });
  #extended = 0;

  constructor(under: FabricUnderTest) {
    this.#under = under;
  }

  readonly byBus = async (payload: PayloadOf<typeof claimAcquire> = {}): Promise<number> => {
    const began = performance.now();
    const { answer, revision } = await ask(this.#under.bus.ports, claimAcquire, pool, payload);
    const tookMs = performance.now() - began;
    if (!answer.ok) throw new Error(answer.refusal.detail);
    this.held.push(answer.value.claim);
    this.revisions.push(revision);
    return tookMs;
  };

  readonly byHttp: Claiming = () => this.byHttpWith();

  /** One that asks for more than a slot. */
  readonly byHttpWith = (body?: object, query = ''): Promise<number> => {
    const text = body && JSON.stringify(body);
    return this.#post(`pools/${pool.pool}/claims${query}`, text, (status, answer) => {
      if (status !== 201) throw new Error(answer);
      this.held.push(JSON.parse(answer).id);
    });
  };

  /** Asks of a pool that is not there. */
  readonly refused: Claiming = async () => {
    const began = performance.now();
    await ask(this.#under.bus.ports, claimAcquire, { ...pool, pool: 'none' }, {});
    return performance.now() - began;
  };

  readonly refusedByHttp: Claiming = () =>
    this.#post('pools/none/claims', undefined, () => undefined);

  /** Extends one of those that are held by a second: an ask that writes, and takes no slot. */
  readonly extended: Claiming = async () => {
    const began = performance.now();
    const { ports } = this.#under.bus;
    const { answer, revision } = await ask(ports, claimExtend, pool, {
      claim: this.#next(),
      by: '1s',
    });
    if (!answer.ok) throw new Error(answer.refusal.detail);
    this.revisions.push(revision);
    return performance.now() - began;
  };

  readonly extendedByHttp: Claiming = () =>
    this.#post(`claims/${this.#next()}/extend`, JSON.stringify({ by: '1s' }), (status, text) => {
      if (status !== 200) throw new Error(text);
    });

  #next(): string {
    return this.held[this.#extended++ % this.held.length] as string;
  }

  #post(path: string, body: string | undefined, take: Take): Promise<number> {
    const began = performance.now();
    const url = `${this.#under.fabric.gatewayUrl}/api/v1/${path}`;
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    return new Promise((resolve, reject) => {
      const options = { agent: this.#agent, method: 'POST', headers };
      const sent = request(url, options, (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('end', () => {
          const tookMs = performance.now() - began;
          try {
            take(response.statusCode, Buffer.concat(pieces).toString());
            resolve(tookMs);
          } catch (error) {
            reject(error);
          }
        });
      });
      sent.on('error', reject).end(body);
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

/** So many claims by so many callers, each of whom asks again at once. */
export async function together(callers: number, count: number, claim: Claiming): Promise<number[]> {
  const took: number[] = [];
  let begun = 0;
  const caller = async (): Promise<void> => {
    while (begun++ < count) took.push(await claim());
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return took;
}

/** So many claims at so many a second, however long each takes; `sentLateMs`: how late 99 % were sent. */
export async function atRate(perSecond: number, count: number, claim: Claiming) {
  const began = performance.now();
  const late: number[] = [];
  const claims: Promise<number>[] = [];
  for (let index = 0; index < count; index++) {
    const waitMs = began + (index * 1_000) / perSecond - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    late.push(-Math.min(0, waitMs));
    claims.push(claim());
  }
  return { took: await Promise.all(claims), sentLateMs: Math.round(percentile(late, 0.99)) };
}
