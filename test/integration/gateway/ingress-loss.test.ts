/**
 * Calls under way at a machine that loses its power: nothing there answers or hangs up, so the gateway
 * ends them when the node is offline, and leaves alone what only looks so.
 */
import { request, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../../support/ports.ts';
import { Fabric, service } from './fabric.ts';
import { echo, type FakeNode } from './fake-node.ts';

let fabric: Fabric;
/** Answers that are owed, in the order of their calls, each with the node that owes it. */
const owed: { readonly node: FakeNode; readonly response: ServerResponse }[] = [];

beforeEach(async () => {
  fabric = await Fabric.start(2);
  const web = { ports: [{ name: 'http' }], ingress: { host: 'web.localhost' } };
  await fabric.put('web', service('web', web));
  await fabric.until('web', 'ready');
  owed.length = 0;
  for (const node of fabric.nodes) {
    node.answer = (_request, response) => void owed.push({ node, response });
  }
});
afterEach(async () => {
  for (const { response } of owed) response.end();
  await fabric?.[Symbol.asyncDispose]();
});

function call(method: string): Promise<{ readonly status: number; readonly text: string }> {
  const { hostname, port } = new URL(fabric.gateway.ingressUrl);
  return new Promise((resolve, reject) => {
    const headers = { host: 'web.localhost' };
    const asked = request({ hostname, port, method, headers, agent: false }, async (response) => {
      let text = '';
      for await (const part of response) text += part;
      resolve({ status: response.statusCode ?? 0, text });
    });
    asked.once('error', reject);
    asked.end();
  });
}

/** A call that is under way at a node by now. */
async function under(node: FakeNode, method: string) {
  for (;;) {
    const before = owed.length;
    const answered = call(method);
    await eventually(() => owed.length > before, 10_000, 'the call to arrive');
    if (owed.at(-1)?.node === node) return { answered };
    // The other one has it in hand until the end of the test: the next comes here.
    answered.catch(() => undefined);
  }
}

test('a POST is told why, a GET is answered elsewhere, a WebSocket ends', async () => {
  const socket = new WebSocket(fabric.gateway.ingressUrl.replace('http', 'ws'), {
    headers: { host: 'web.localhost' },
  });
  const first = await new Promise<string>((resolve) => {
    socket.once('message', (data) => resolve(String(data)));
  });
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  const { instance } = JSON.parse(first) as { readonly instance: string };
  const on = (await fabric.get(`instances/${instance}`)).body.node;
  const [lost, other] = fabric.nodes.toSorted((each) => (each.id === on ? -1 : 1));
  if (!lost || !other) throw new Error('two nodes are needed');
  const [posted, asked] = [await under(lost, 'POST'), await under(lost, 'GET')];
  other.answer = echo;
  await lost.losePower();
  const refused = await posted.answered;
  expect([refused.status, JSON.parse(refused.text)]).toEqual([
    502,
    expect.objectContaining({
      code: 'endpoint-failed',
      detail: `${instance}: its node is offline, and it takes no connections`,
    }),
  ]);
  const answered = await asked.answered;
  expect(answered.status).toBe(200);
  expect(JSON.parse(answered.text)).toMatchObject({ method: 'GET' });
  expect(JSON.parse(answered.text).instance).not.toBe(instance);
  expect(await closed).toBeGreaterThan(1_000);
});

test('where only the agent is gone and its instance takes connections, a call is left to it', async () => {
  const [node] = fabric.nodes;
  if (!node) throw new Error('a node is needed');
  const { answered } = await under(node, 'POST');
  const { response } = owed.at(-1) ?? {};
  let connections = 0;
  for (const { server } of node.running.values()) server.on('connection', () => connections++);
  await node.losePower(true);
  await eventually(
    async () => (await fabric.get(`nodes/${node.id}`)).body.state === 'offline',
    20_000,
    `${node.id} to be offline`,
  );
  // It is asked whether it is there.
  await eventually(() => connections > 0, 10_000, 'one more connection');
  response?.end('late');
  expect(await answered).toEqual({ status: 200, text: 'late' });
});
