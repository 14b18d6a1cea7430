/** Calls of the gateway and of the example's page, over HTTP, with how long each took. */
import { request } from 'node:http';
import { SseParser } from '../cli/sse.ts';

/** Longer than anything here takes on a busy machine, in milliseconds. */
const LONG_MS = 120_000;
const POLL_MS = 20;

export interface Claim {
  readonly id: string;
  readonly until: string;
}

interface State {
  readonly ready: number;
  readonly isFull: boolean;
  readonly maximum: number;
}

interface Place {
  readonly position: number;
  readonly waiting: number;
  readonly etaSeconds?: number;
}

interface Demo {
  readonly ticket: string;
  readonly url: string;
}

export class PoolCalls {
  readonly #api: string;
  readonly #pool: string;

  constructor(gatewayUrl: string, pool: string) {
    this.#api = `${gatewayUrl}/api/v1`;
    this.#pool = pool;
  }

  async state(): Promise<State> {
    const answer = await fetch(`${this.#api}/pools/${this.#pool}`);
    const { state, slots, spec } = (await answer.json()) as {
      readonly state: string;
      readonly slots: { readonly ready: number; readonly claimed: number };
      readonly spec: { readonly maximum: number };
    };
    const isFull = state === 'full' && slots.claimed === 0;
    return { ready: slots.ready, isFull, maximum: spec.maximum };
  }

  /** Resolves when nobody has a slot and as many are ready as are to be. */
  full(): Promise<void> {
    return this.#until('a full pool', ({ isFull }) => isFull);
  }

  someReady(): Promise<void> {
    return this.#until('a ready slot', ({ ready }) => ready > 0);
  }

  /** Claims; `code` says why there is none. */
  async claim(): Promise<{ readonly claim?: Claim; readonly code?: string; readonly ms: number }> {
    const began = performance.now();
    const answer = await fetch(`${this.#api}/pools/${this.#pool}/claims`, { method: 'POST' });
    const value = (await answer.json()) as Claim & { readonly code: string };
    const ms = performance.now() - began;
    return answer.ok ? { claim: value, ms } : { code: value.code, ms };
  }

  /** Gives a claim back; how long that took, in milliseconds. */
  async release({ id }: Claim): Promise<number> {
    const began = performance.now();
    const answer = await fetch(`${this.#api}/claims/${id}`, { method: 'DELETE' });
    if (!answer.ok) throw new Error(`${id} was not released: ${await answer.text()}`);
    return performance.now() - began;
  }

  /** Gives back all that is held, also what nobody heard of: an answer that was lost. */
  async releaseAll(): Promise<void> {
    const answer = await fetch(`${this.#api}/claims?pool=${this.#pool}`);
    const { items } = (await answer.json()) as { readonly items: readonly Claim[] };
    await Promise.all(items.map((each) => this.release(each)));
  }

  /** Waits for a claim in line; `placed` is called once it stands there. `at`: when it was served. */
  async inLine(
    body: object,
    placed: () => Promise<void> = async () => undefined,
  ): Promise<{ readonly claim: Claim; readonly place: Place | undefined; readonly at: number }> {
    const url = `${this.#api}/pools/${this.#pool}/claims?wait=60s`;
    let place: Place | undefined;
    for await (const [event, data] of eventsOf(url, { method: 'POST', body })) {
      if (event === 'refused') throw new Error(`the line ended: ${JSON.stringify(data)}`);
      if (event === 'claim') return { claim: data as Claim, place, at: performance.now() };
      if (event !== 'place') continue;
      const isFirst = place === undefined;
      place = data as Place;
      if (isFirst) await placed();
    }
    throw new Error('the line ended without a word');
  }

  /** Resolves when a claim is over: how many milliseconds after its time. */
  async endOf({ id, until }: Claim): Promise<number> {
    for await (const [event] of eventsOf(`${this.#api}/claims/${id}`)) {
      if (event === 'over') return Date.now() - Date.parse(until);
    }
    throw new Error(`${id} was watched in vain`);
  }

  /** Presses the button of the page. */
  async demoOf(page: string): Promise<Demo> {
    const html = await (await fetch(`${page}/`)).text();
    if (!html.includes('Start my demo')) throw new Error('the page has no button');
    for await (const [event, data] of eventsOf(`${page}/demo`, { method: 'POST' })) {
      if (event === 'demo') return data as Demo;
      if (event === 'refused') throw new Error(`the page was refused: ${JSON.stringify(data)}`);
    }
    throw new Error('the page gave no demo');
  }

  async giveBack(page: string, ticket: string): Promise<void> {
    const answer = await fetch(`${page}/demo/${ticket}`, { method: 'DELETE' });
    if (!answer.ok) throw new Error(`the page did not take it back: ${await answer.text()}`);
  }

  /** Opens a demo by its host name at the ingress; the heading of what it shows. */
  async open(url: string, ingressUrl: string): Promise<string> {
    const { host } = new URL(url);
    const html = await new Promise<string>((resolve, reject) => {
      const asked = request(ingressUrl, { headers: { host } }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => {
          text += part;
        });
        answer.on('end', () => resolve(text));
        answer.on('error', reject);
      });
      asked.once('error', reject).end();
    });
    const heading = /<h1>(.*)<\/h1>/.exec(html)?.[1];
    if (heading === undefined) throw new Error(`${url} shows ${html.slice(0, 200)}`);
    return heading;
  }

  async #until(what: string, isSo: (state: State) => boolean): Promise<void> {
    const deadline = performance.now() + LONG_MS;
    while (!isSo(await this.state())) {
      if (performance.now() > deadline)
        throw new Error(`there is no ${what} after ${LONG_MS / 1_000} s`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

/** Events of an answer, as they come. */
async function* eventsOf(
  url: string,
  { method = 'GET', body }: { readonly method?: string; readonly body?: object } = {},
): AsyncGenerator<readonly [string, unknown]> {
  const headers = { accept: 'text/event-stream', 'content-type': 'application/json' };
  const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
  const answer = await fetch(url, init);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  const parser = new SseParser();
  const decoder = new TextDecoder();
  for await (const part of answer.body ?? []) {
    for (const { event, data } of parser.push(decoder.decode(part, { stream: true }))) {
      yield [event, JSON.parse(data)];
    }
  }
}
