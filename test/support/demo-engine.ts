/**
 * Try It Now's API with demos in containers of a real engine, said as its users say it: by variables. A
 * demo is had, used, extended, given back, and over when its time is up; then nothing is left of any.
 */
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '../../actors/runtime/log.ts';
import { type OpenGateway, openGateway } from '../../gateway/main.ts';
import { type ContainerEngine, IMAGE } from './container-engine.ts';
import { type FabricUnderTest, fabricUnderTest } from './fabric.ts';
import { type Held, heldBy, type PortRange } from './leaks.ts';
import { eventually } from './ports.ts';

/** Longer than anything here takes on a busy machine, in milliseconds. */
const LONG_MS = 120_000;
const READY = 3;
const DOMAIN = 'demo.localhost';

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** The tests, on an engine; `mode` is what `CONTAINER_MODE` says. */
export function demosIn(mode: 'docker' | 'podman', open: () => Promise<ContainerEngine>): void {
  const ports: PortRange =
    mode === 'docker' ? { from: 32_000, to: 32_299 } : { from: 32_300, to: 32_599 };
  let engine: ContainerEngine;
  let under: FabricUnderTest;
  let gateway: OpenGateway;
  let before: Held;

  const environment = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
    ...{ SHOAL_NATS: under.fabric.natsUrl, SHOAL_COPY: 'gateway' },
    SHOAL_SEED: join(under.fabric.layout.keys, 'gateway-gateway.nk'),
    ...{ SHOAL_GATEWAY_PORT: '0', SHOAL_INGRESS_PORT: '0', SHOAL_TRY_IT_NOW: 'environment' },
    ...{ SERVER_HOST: '127.0.0.1', SERVER_PORT: '0', BASE_DOMAIN: DOMAIN },
    ...{ CONTAINER_MODE: mode, CONTAINER_IMAGE: IMAGE },
    ...{ CONTAINER_PORT_RANGE_START: '32000', CONTAINER_PORT_RANGE_END: '32999' },
    SHOAL_TRY_IT_NOW_TEMPLATE: JSON.stringify({
      command: [
        ...['sh', '-c'],
        'mkdir /www; echo "$PS_DOMAIN of $ADMIN_MAIL_OVERRIDE" > /www/index.html; exec busybox httpd -f -p 80 -h /www',
      ],
      ...{ resources: { memory: '64Mi' }, grace: '1s' },
    }),
    ...{ POOL_TARGET_SIZE: String(READY), POOL_MAX_SIZE: '6', POOL_MIN_SIZE: '0' },
    ...{ POOL_DEFAULT_TTL: '30s', POOL_MAX_TTL: '2h', PS_DEMO_USER: 'who@demo.test' },
    ...{ RATE_LIMIT_HOURLY: '1000', RATE_LIMIT_DAILY: '1000' },
    ...more,
  });

  beforeAll(async () => {
    engine = await open();
    under = await fabricUnderTest(['n1'], {
      hasGateway: false,
      environment: { SHOAL_DOCKER: engine.socket, SHOAL_PORTS: `${ports.from}-${ports.to}` },
    });
    const offers = () => under.nodes.get({ node: 'n1' })?.drivers['docker'] !== undefined;
    await eventually(offers, LONG_MS, 'the node to offer containers');
    before = await held();
    gateway = await openGateway(silentLog, environment());
    await full();
  });
  afterAll(async () => {
    await gateway?.stop();
    const processes = under?.processes;
    await under?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
    if (processes) expect(await processes()).toEqual([]);
  });

  const held = () => heldBy(under, { ports, beside: () => engine.remains() });
  const call = (method: string, path: string, body?: string) =>
    ask(`${gateway.tryItNowUrl}/api/v1/${path}`, { method, ...(body ? { body } : {}) });
  const stats = async () => JSON.parse((await call('GET', 'pool/stats')).text);
  const full = () =>
    eventually(async () => (await stats()).ready === READY, LONG_MS, `${READY} are ready`);
  const acquire = async () => {
    const { status, text } = await call('POST', 'demo/acquire');
    expect(status, text).toBe(200);
    return JSON.parse(text) as { readonly id: string; readonly url: string };
  };
  const hostOf = ({ url }: { readonly url: string }) => new URL(url).hostname;
  /** What a demo shows: by its name at the ingress, and at its own port of the agent's range. */
  const shown = (host: string) => ask(gateway.ingressUrl, { headers: { host } });
  const atPort = (host: string) => {
    const slot = host.slice(0, -DOMAIN.length - 1);
    const found = [...under.slots.entries()].find(({ value }) => value.slot === slot)?.value;
    const port = found?.endpoint?.ports['http'] ?? 0;
    expect([port >= ports.from, port <= ports.to]).toEqual([true, true]);
    return ask(`http://${found?.endpoint?.address}:${port}/`, {});
  };
  /** Ids of the containers of a demo that run; of all it has with `all`. */
  const containers = async (host: string, all = false): Promise<readonly string[]> => {
    const label = [`shoal.workload=${host.slice(0, -DOMAIN.length - 1)}`];
    const found = await engine.client.listContainers({ all, filters: { label } });
    return found.map(({ Id: id }) => id);
  };

  test(`in mode ${mode} the variables make a pool of containers`, async () => {
    expect(JSON.parse((await ask(`${gateway.tryItNowUrl}/health`, {})).text)).toEqual({
      ...{ status: 'ok', mode },
    });
    const there = await held();
    expect(there.hosts).toHaveLength(READY);
    expect(there.ports).toHaveLength(READY);
    expect(there.running.filter((each) => each.startsWith('container'))).toHaveLength(READY);
  });

  test('a demo answers under its name and at its port as soon as it is had', async () => {
    const demo = await acquire();
    const host = hostOf(demo);
    const text = `${host} of who@demo.test\n`;
    expect(await shown(host)).toEqual({ status: 200, text });
    expect(await atPort(host)).toEqual({ status: 200, text });
    expect(await containers(host)).toHaveLength(1);
    const { text: told } = await call('GET', `demo/${demo.id}`);
    expect(JSON.parse(told)).toMatchObject({ id: demo.id, state: 'assigned', url: demo.url });

    expect((await call('DELETE', `demo/${demo.id}`)).status).toBe(200);
    // Its answer comes when nothing of the demo runs; its container is removed after that.
    expect(await containers(host)).toEqual([]);
    const isGone = async () => (await containers(host, true)).length === 0;
    await eventually(isGone, LONG_MS, 'its container is gone');
    expect((await shown(host)).status).toBe(404);
    expect((await call('GET', `demo/${demo.id}`)).status).toBe(404);
    await full();
  });

  test('one that is extended outlives one that is not, whose time is up', async () => {
    const [short, long] = [await acquire(), await acquire()];
    const body = JSON.stringify({ minutes: 30 });
    expect((await call('POST', `demo/${long.id}/extend`, body)).status).toBe(200);
    const isOver = async () => (await call('GET', `demo/${short.id}`)).status === 404;
    await eventually(isOver, LONG_MS, 'its time is up');
    const isGone = async () => (await containers(hostOf(short), true)).length === 0;
    await eventually(isGone, LONG_MS, 'its container is gone');
    expect((await shown(hostOf(short))).status).toBe(404);
    expect((await shown(hostOf(long))).status).toBe(200);
    expect((await call('DELETE', `demo/${long.id}`)).status).toBe(200);
    await full();
  });

  test('a demo whose container is killed while idle is not handed out, and replaced', async () => {
    const [idle] = [...under.slots.entries()].filter(({ value }) => value.state === 'ready');
    const slot = idle?.value.slot ?? '';
    const [container = ''] = await containers(`${slot}.${DOMAIN}`);
    await engine.client.getContainer(container).kill({ signal: 'SIGKILL' });
    const state = () =>
      [...under.slots.entries()].find(({ value }) => value.slot === slot)?.value.state;
    await eventually(() => state() !== 'ready', LONG_MS, 'it is on offer no more');
    await eventually(() => state() === undefined, LONG_MS, 'nothing is left of it');
    await full();
    const demos = [await acquire(), await acquire(), await acquire()];
    for (const demo of demos) expect((await shown(hostOf(demo))).status).toBe(200);
    for (const { id } of demos) expect((await call('DELETE', `demo/${id}`)).status).toBe(200);
    await full();
  });

  test('when the pool is deleted nothing is left', async () => {
    const url = `${gateway.apiUrl}/api/v1/pools/demo`;
    expect((await ask(url, { method: 'DELETE' })).status).toBe(200);
    await eventually(async () => (await ask(url, {})).status === 404, LONG_MS, 'the pool is gone');
    let now = await held();
    const quotas = (rows: Held) => ({
      ...rows,
      // How often each caller has taken a demo is known for a day.
      rows: rows.rows.filter((key) => !key.startsWith('quota.')),
    });
    const isSame = async () => {
      now = quotas(await held());
      return JSON.stringify(now) === JSON.stringify(before);
    };
    await eventually(isSame, LONG_MS / 4, 'all to be as before').catch(() => undefined);
    expect(now).toEqual(before);
  });
}

/** One call, with any host name. */
function ask(
  url: string,
  of: {
    readonly method?: string;
    readonly body?: string;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Promise<Answer> {
  const { body, ...options } = of;
  return new Promise((resolve, reject) => {
    const asked = request(url, options, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        text += part;
      });
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      answer.once('error', reject);
    });
    asked.once('error', reject);
    asked.end(body);
  });
}
