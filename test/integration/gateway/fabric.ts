/** A fabric for the gateway's tests: real nats-server, real control plane, real gateway. */
import { join } from 'node:path';
import { startControl } from '../../../actors/main.ts';
import { silentLog } from '../../../actors/runtime/log.ts';
import { type OpenGateway, openGateway } from '../../../gateway/main.ts';
import type { Identity } from '../../../subjects/permissions.ts';
import { type NatsFixture, natsFixture } from '../../support/nats.ts';
import { eventually } from '../../support/ports.ts';
import { FakeNode } from './fake-node.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely
  readonly body: any;
}

export class Fabric implements AsyncDisposable {
  readonly nats: NatsFixture;
  readonly nodes: FakeNode[] = [];
  /** What the gateway was opened with. */
  readonly environment: NodeJS.ProcessEnv;
  #gateway: OpenGateway | undefined;
  #control: (() => Promise<void>) | undefined;

  private constructor(nats: NatsFixture) {
    this.nats = nats;
    this.environment = {
      ...{ SHOAL_NATS: nats.url, SHOAL_SEED: this.#seed('gateway-g'), SHOAL_COPY: 'g' },
      ...{ SHOAL_GATEWAY_PORT: '0', SHOAL_INGRESS_PORT: '0', SHOAL_RATE_LIMIT: '100000' },
    };
  }

  /** With this many nodes, all ready. */
  static async start(count: number): Promise<Fabric> {
    const ids = Array.from({ length: count }, (_, index) => `n${index + 1}`);
    const nats = await natsFixture([
      { role: 'control', name: 'c' },
      { role: 'gateway', name: 'g' },
      { role: 'operator', name: 'o' },
      ...ids.map((name): Identity => ({ role: 'agent', name })),
    ]);
    const fabric = new Fabric(nats);
    await fabric.startControl();
    await fabric.openAgain();
    for (const id of ids) {
      fabric.nodes.push(await FakeNode.start(id, nats.url, fabric.#seed(`agent-${id}`)));
    }
    await eventually(
      async () => {
        const { items } = (await fabric.get('nodes')).body;
        return items.filter((each: { state: string }) => each.state === 'ready').length === count;
      },
      10_000,
      `${count} ready nodes`,
    );
    return fabric;
  }

  get gateway(): OpenGateway {
    if (!this.#gateway) throw new Error('the gateway is not open');
    return this.#gateway;
  }

  async startControl(): Promise<void> {
    this.#control = await startControl(silentLog, {
      ...{ SHOAL_NATS: this.nats.url, SHOAL_SEED: this.#seed('control-c'), SHOAL_COPY: 'c' },
    });
  }

  async stopControl(): Promise<void> {
    await this.#control?.();
    this.#control = undefined;
  }

  /** A gateway in place of one that was stopped. */
  async openAgain(more: NodeJS.ProcessEnv = {}): Promise<void> {
    this.#gateway = await openGateway(silentLog, { ...this.environment, ...more });
  }

  #seed(name: string): string {
    return join(this.nats.folder, 'keys', `${name}.nk`);
  }

  url(path: string): string {
    return `${this.gateway.apiUrl}/api/v1/${path}`;
  }

  async call(
    method: string,
    path: string,
    options: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Reply> {
    const { body, headers = {} } = options;
    const isText = typeof body === 'string';
    const response = await fetch(path.startsWith('http') ? path : this.url(path), {
      method,
      headers: {
        ...(body === undefined || isText ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : text,
    };
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Reply> {
    return this.call('GET', path, { headers });
  }

  put(name: string, manifest: object, headers: Record<string, string> = {}): Promise<Reply> {
    return this.call('PUT', `workloads/${name}`, { body: manifest, headers });
  }

  /** Waits until a workload is in a state. */
  async until(name: string, state: string): Promise<void> {
    await eventually(
      async () => (await this.get(`workloads/${name}`)).body.state === state,
      15_000,
      `${name} to be ${state}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gateway?.stop();
    await Promise.all(this.nodes.map((node) => node.stop()));
    await this.stopControl();
    await this.nats[Symbol.asyncDispose]();
  }
}

/** A service's manifest with defaults that suit the fake nodes. */
export function service(name: string, more: Record<string, unknown> = {}): object {
  const spec = { count: 2, command: ['serve'], resources: { cpu: '10m', memory: '1Mi' }, ...more };
  return { apiVersion: 'shoal/v1', kind: 'service', metadata: { name }, spec };
}
