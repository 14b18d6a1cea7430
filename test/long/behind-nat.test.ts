/**
 * A node behind an address translation: its agent reaches the bus and nothing else, and nobody reaches
 * the node. Commands, connections, files and output pass through the bus all the same.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentProgram } from '../../local/fabric.ts';
import { agentFlags } from '../../local/layout.ts';
import { nodeState } from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { INNER_ADDRESS, InnerNetwork, noInnerNetwork } from '../support/inner-network.ts';
import { eventually } from '../support/ports.ts';
import { Running } from '../support/running.ts';

/** Says what it hears on its port, and prints; it listens where only its own node is. */
const PROGRAM = `require("net").createServer((socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  }).listen(process.env.PORT, "${INNER_ADDRESS}");
  setInterval(() => { console.log("tick"); console.error("tock"); }, 50);
  process.on("SIGUSR1", () => console.log("usr"));`;

const why = noInnerNetwork();
describe.skipIf(why !== undefined)(`a node that nobody reaches${why ? ` (${why})` : ''}`, () => {
  let under: FabricUnderTest;
  let network: InnerNetwork;
  let here: string;
  let instance: string;
  let port: number;

  beforeAll(async () => {
    here = await mkdtemp(join(tmpdir(), 'shoal-nat-'));
    under = await fabricUnderTest(['n1']);
    const { fabric } = under;
    await fabric.child(agentProgram('n1')).stop();
    network = await InnerNetwork.start(fabric.settings.servers[0]?.nats ?? 0);
    network.spawn([process.execPath, ...agentFlags, fabric.programs.agent, fabric.layout.folder], {
      environment: {
        ...fabric.agentEnvironment('n1'),
        ...{ SHOAL_NATS: `nats://${network.gate}:${network.gatePort}`, SHOAL_ON_STOP: 'end' },
        ...{ SHOAL_ADDRESS: INNER_ADDRESS, SHOAL_DRIVERS: 'process' },
      },
      log: fabric.layout.log('agent-inside'),
    });
    const state = () => {
      const node = under.nodes.get({ node: 'n1' });
      return node && nodeState(node);
    };
    await eventually(() => network.connections > 0 && state() === 'ready', 60_000, 'the agent');
    const put = await fetch(`${fabric.gatewayUrl}/api/v1/workloads/web`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name: 'web' } },
        spec: {
          ...{ count: 1, command: ['node', '-e', PROGRAM], ports: [{ name: 'tcp' }] },
          ingress: { host: 'web.localhost' },
        },
      }),
    });
    expect(put.status).toBe(201);
    await eventually(() => under.ready('web').length === 1, 40_000, 'its instance');
    const [one] = under.ready('web');
    instance = one?.instance ?? '';
    const seen = one && under.seen(one);
    expect(seen?.address).toBe(INNER_ADDRESS);
    port = seen?.ports['tcp'] ?? 0;
  });
  afterAll(async () => {
    // Its agent ends what it runs.
    await network?.[Symbol.asyncDispose]();
    await under?.[Symbol.asyncDispose]();
    if (here) await rm(here, { recursive: true, force: true });
  });

  const begin = (...words: string[]): Running =>
    new Running(words, { SHOAL_GATEWAY: under.fabric.gatewayUrl });
  /** How a connection went: what an echo said, or the error. */
  const echoed = (to: { readonly host: string; readonly port: number }, text: string) =>
    new Promise<string>((resolve) => {
      const socket: Socket = connect({ ...to, timeout: 2_000 });
      socket.once('error', ({ message }) => resolve(message));
      socket.once('timeout', () => socket.destroy(new Error('no answer')));
      socket.once('data', (data) => {
        socket.destroy();
        resolve(String(data));
      });
      socket.write(text);
    });

  test('is not reached at any address of it', async () => {
    const inside = network.gate.replace(/\.1$/, '.2');
    for (const host of ['127.0.0.1', inside, INNER_ADDRESS]) {
      expect(await echoed({ host, port }, 'hello'), host).not.toBe('hello');
    }
  });

  test('runs commands, with bytes both ways and their code', async () => {
    const much = 'abcdefg'.repeat(70_000);
    const ran = await under.shoal(['exec', '-i', instance, '--', 'sh', '-c', 'cat; exit 7'], much);
    expect([ran.code, ran.err, ran.out === much]).toEqual([7, '', true]);
  });

  test('is reached by a connection of its own', async () => {
    const forward = begin('port-forward', instance, '0:tcp', '-o', 'json');
    try {
      await eventually(() => forward.out.includes('\n'), 10_000, 'it to listen');
      const { local } = JSON.parse(forward.out) as { readonly local: number };
      expect(await echoed({ host: '127.0.0.1', port: local }, 'hello')).toBe('hello');
    } finally {
      forward.child.kill('SIGINT');
      await forward.end();
    }
  });

  test('takes files and gives them', async () => {
    await writeFile(join(here, 'in'), Buffer.alloc(2_000_000, 'x'));
    const [sent, back] = [
      await under.shoal(['cp', join(here, 'in'), `${instance}:/file`]),
      await under.shoal(['cp', `${instance}:/file`, join(here, 'out')]),
    ];
    expect([sent.err, back.err]).toEqual(['', '']);
    const [one, other] = [await readFile(join(here, 'in')), await readFile(join(here, 'out'))];
    expect(other.equals(one)).toBe(true);
  });

  test('tells what a program prints, and passes signals on', async () => {
    const attached = begin('attach', instance, '--sig-proxy');
    const talks = () => attached.out.includes('tick') && attached.err.includes('tock');
    await eventually(talks, 10_000, 'it to be attached');
    attached.child.kill('SIGUSR1');
    await eventually(() => attached.out.includes('usr\n'), 10_000, 'the signal to arrive');
    attached.child.kill('SIGKILL');
    await attached.end();
  });
});
