/** What the demo sees of a fabric: through its gateway, as anybody would. */
import { request } from 'node:http';
import type { Fabric } from './fabric.ts';

export interface InstanceShape {
  readonly instance: string;
  readonly workload: string;
  readonly phase: string;
  readonly node?: string;
  readonly epoch: number;
  readonly message: string;
}

const POLL_MS = 20;
/** How long the gateway may take to answer. */
const ANSWER_MS = 10_000;

export class DemoApi {
  readonly #fabric: Fabric;

  constructor(fabric: Fabric) {
    this.#fabric = fabric;
  }

  async nodesReady(count: number, withinMs: number): Promise<void> {
    await this.#until(withinMs, `${count} ready nodes`, async () => {
      const nodes = await this.#list<{ readonly state: string }>('nodes');
      const ready = nodes.filter((each) => each.state === 'ready').length;
      return ready === count ? undefined : `there are ${ready}`;
    });
  }

  async nodeOffline(node: string, withinMs: number): Promise<void> {
    await this.#until(withinMs, `${node} to be offline`, async () => {
      const { state } = await this.#get<{ readonly state: string }>(`nodes/${node}`);
      return state === 'offline' ? undefined : `it is ${state}`;
    });
  }

  /** Instances that have not ended. */
  async instances(workload: string): Promise<readonly InstanceShape[]> {
    const all = await this.#list<InstanceShape>(`instances?workload=${workload}`);
    return all.filter((each) => !['succeeded', 'failed', 'stopped'].includes(each.phase));
  }

  async instancesReady(
    workload: string,
    count: number,
    withinMs: number,
    isWanted: (instance: InstanceShape) => boolean = () => true,
  ): Promise<readonly InstanceShape[]> {
    let ready: readonly InstanceShape[] = [];
    await this.#until(withinMs, `${count} ready instances of ${workload}`, async () => {
      const all = await this.instances(workload);
      ready = all.filter((each) => each.phase === 'ready' && isWanted(each));
      if (ready.length === count) return undefined;
      const [late] = all.filter((each) => each.phase !== 'ready');
      return late
        ? `${late.instance} is ${late.phase}: ${late.message}`
        : `there are ${all.length}`;
    });
    return ready;
  }

  async jobEnded(workload: string, withinMs: number): Promise<string> {
    let state = '';
    await this.#until(withinMs, `${workload} to end`, async () => {
      ({ state } = await this.#get<{ readonly state: string }>(`workloads/${workload}`));
      return state === 'succeeded' || state === 'failed' ? undefined : `it is ${state}`;
    });
    return state;
  }

  /** Calls a service by its host name through the ingress. */
  async call(host: string): Promise<string> {
    const { port, hostname } = new URL(this.#fabric.ingressUrl);
    return new Promise((resolve, reject) => {
      const asked = request({ hostname, port, headers: { host } }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => {
          if (response.statusCode === 200) resolve(text.trim());
          else reject(new Error(`the ingress answered ${response.statusCode}: ${text}`));
        });
      });
      asked.once('error', reject);
      asked.end();
    });
  }

  /** Follows a workload's log until it has a line about a request. */
  async logLine(workload: string, withinMs: number): Promise<string> {
    const abort = AbortSignal.timeout(withinMs);
    const url = `${this.#fabric.gatewayUrl}/api/v1/workloads/${workload}/logs?follow=true&tail=50`;
    const response = await fetch(url, { signal: abort, headers: { accept: 'text/event-stream' } });
    let text = '';
    for await (const part of response.body ?? []) {
      text += Buffer.from(part).toString('utf8');
      const found = /"text":"([^"]*GET[^"]*)"/.exec(text);
      if (found?.[1]) return found[1];
    }
    throw new Error(`the log of ${workload} ended without a line about the request`);
  }

  async #list<T>(path: string): Promise<readonly T[]> {
    return (await this.#get<{ readonly items: readonly T[] }>(path)).items;
  }

  async #get<T>(path: string): Promise<T> {
    const url = `${this.#fabric.gatewayUrl}/api/v1/${path}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) }).catch((error) => {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      throw new Error(`the gateway does not answer for ${path}: ${String(cause)}`);
    });
    if (!response.ok)
      throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** `missing` tells what is not so yet; undefined: it is. */
  async #until(
    withinMs: number,
    what: string,
    missing: () => Promise<string | undefined>,
  ): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const now = await missing();
      if (now === undefined) return;
      if (performance.now() > deadline) {
        throw new Error(`no ${what} within ${withinMs / 1000} s; ${now}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}
