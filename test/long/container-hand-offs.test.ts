/**
 * Claims with a hand-off of a pool whose slots are containers of a real Docker, over HTTP and over gRPC:
 * what the caller brings is served when its answer comes, and what fails leaves no container behind.
 */
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../nats/start.ts';
import { DockerEngine, IMAGE } from '../support/docker.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { putPool } from '../support/gateway-calls.ts';
import { GrpcClient } from '../support/grpc-client.ts';
import { eventually } from '../support/ports.ts';

/** Longer than anything here takes on a busy machine, in milliseconds. */
const LONG_MS = 120_000;
const READY = 3;

let engine: DockerEngine;
let under: FabricUnderTest;
let grpc: GrpcClient;
beforeAll(async () => {
  engine = await DockerEngine.start();
  const port = await freePort();
  const environment = { SHOAL_DOCKER: engine.socket, SHOAL_GRPC_PORT: String(port) };
  under = await fabricUnderTest(['n1'], { environment });
  grpc = new GrpcClient(`127.0.0.1:${port}`);
  const offers = () => under.nodes.get({ node: 'n1' })?.drivers['docker'] !== undefined;
  await eventually(offers, LONG_MS, 'the node to offer containers');
  const template = {
    ...{ driver: 'docker', image: IMAGE, ports: [{ name: 'http', container: 80 }], grace: '1s' },
    command: ['sh', '-c', 'mkdir -p /www; exec busybox httpd -f -p 80 -h /www'],
    ...{ environment: { SHOP: 'nobody’s' }, resources: { memory: '64Mi' } },
  };
  const spec = { template, ready: READY, maximum: 12, ttl: '20m' };
  expect((await putPool(under.call, 'demo', spec)).status).toBe(201);
  await full();
});
afterAll(async () => {
  grpc?.[Symbol.dispose]();
  const processes = under?.processes;
  await under?.[Symbol.asyncDispose]();
  await engine?.[Symbol.asyncDispose]();
  if (processes) expect(await processes()).toEqual([]);
});

const full = () =>
  eventually(
    async () => (await under.call('GET', 'pools/demo')).body.slots.ready === READY,
    LONG_MS,
    'the pool is full',
  );
/** A shop of this name: a file that its page is made of, by a command that is told the name. */
const shop = (name: string) => ({
  environment: { SHOP: name },
  files: [
    { path: '/etc/shop/page', text: 'the shop of' },
    {
      path: '/usr/local/open',
      text: '#!/bin/sh\necho "$(cat /etc/shop/page) $SHOP"\n',
      mode: '0555',
    },
  ],
  command: ['sh', '-c', '/usr/local/open | tee /www/index.html'],
  timeout: '1m',
});
const served = async (port: number) => (await fetch(`http://127.0.0.1:${port}/index.html`)).text();
const containers = async (): Promise<readonly string[]> => {
  const filters = { label: ['shoal.workload'] };
  const found = await engine.client.listContainers({ all: true, filters });
  return found.map(({ Id: id }) => id);
};

test('over HTTP and over gRPC a container serves what its caller brought when the answer comes', async () => {
  const overHttp = await under.call('POST', 'pools/demo/claims?wait=5m', {
    body: { handOff: shop('one "two"') },
  });
  expect([overHttp.status, overHttp.body.handOff]).toEqual([
    ...[201, { state: 'done', exitCode: 0, output: 'the shop of one "two"\n' }],
  ]);
  expect(await served(overHttp.body.ports.http)).toBe('the shop of one "two"\n');

  const request = { name: 'demo', wait: '5m', handOff: shop('three') };
  const { answer } = await grpc.call('Pools/AcquireClaim', request);
  expect(answer).toMatchObject({
    ...{ state: 'held', pool: 'demo' },
    handOff: { state: 'done', exitCode: 0, output: 'the shop of three\n' },
  });
  expect(answer.id).not.toBe(overHttp.body.id);
  expect(await served(answer.ports.http)).toBe('the shop of three\n');
  // What the program of a slot had in its environment is its own.
  const looked = await under.shoal(['exec', answer.id, '--', 'sh', '-c', 'echo "$SHOP"']);
  expect(looked.out.trim()).toBe('nobody’s');
});

test('what fails in containers says so over both, and they go', async () => {
  await full();
  const handOff = { command: ['sh', '-c', 'echo no such shop; exit 4'], timeout: '1m' };
  const overHttp = await under.call('POST', 'pools/demo/claims?wait=5m', { body: { handOff } });
  expect([overHttp.status, overHttp.body.code]).toEqual([422, 'hand-off-failed']);
  expect(overHttp.body.detail).toContain('exited with 4: no such shop');
  await full();
  const request = { name: 'demo', wait: '5m', handOff };
  const refused = await grpc.refused('Pools/AcquireClaim', request);
  expect(refused.code).toBe(status.FAILED_PRECONDITION);
  expect(refused.details).toContain('exited with 4: no such shop');
  await full();
  // Those two of the test before, and those that are ready.
  const isLeft = async () => (await containers()).length === 2 + READY;
  await eventually(isLeft, LONG_MS, 'the containers of bad slots to be gone');
});
