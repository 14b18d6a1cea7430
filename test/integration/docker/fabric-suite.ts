/**
 * What becomes of containers of an engine of some make in a whole fabric: their probes over the network,
 * a datagram, more on disk than they may have, and a command that cannot start.
 */
import { createSocket } from 'node:dgram';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Instance, Observed } from '../../../subjects/index.ts';
import { importNode, NODE_IMAGE } from '../../support/images.ts';
import { eventually } from '../../support/ports.ts';
import type { OnFabric } from './reach-suite.ts';

/**
 * Answers on HTTP, TCP, gRPC's health service and UDP, and no more on the way that was told last to
 * `/stop` of its way to be told things. gRPC: the messages of one field are as the protocol has them.
 */
const PROGRAM = `
  const http = require('http'), http2 = require('http2'), net = require('net');
  let stopped = '';
  const plain = net.createServer((socket) => socket.on('error', () => {}));
  plain.listen(8081);
  http.createServer((request, response) => {
    const way = new URL(request.url, 'http://x').searchParams.get('way') ?? '';
    if (request.url.startsWith('/stop')) {
      stopped = way;
      if (way === 'tcp') plain.close(); else if (!plain.listening) plain.listen(8081);
    }
    response.writeHead(request.url === '/ready' && stopped === 'http' ? 503 : 200).end('ok');
  }).listen(8080);
  const health = http2.createServer();
  health.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.resume();
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, stopped === 'grpc' ? 2 : 1]));
  });
  health.listen(8082);
  const datagrams = require('dgram').createSocket('udp4');
  datagrams.on('message', (bytes, from) => datagrams.send('heard ' + bytes, from.port, from.address));
  datagrams.bind(8083);
`;
const PORTS = [
  { name: 'http', container: 8080 },
  { name: 'tcp', container: 8081 },
  { name: 'grpc', container: 8082 },
  { name: 'udp', container: 8083, protocol: 'udp' },
];
/** How each way is asked, and how it is told of that it fails. */
const WAYS = [
  ['http', { http: { port: 'http', path: '/ready' } }, 'HTTP 503 from /ready'],
  ['tcp', { tcp: { port: 'tcp' } }, 'port tcp: '],
  ['grpc', { grpc: { port: 'grpc' } }, 'port grpc: '],
] as const;
const often = { initialDelay: '0s', period: '500ms', failureThreshold: 1 };

/** Tests in the present suite. They leave nothing in the engine. */
export function containersOnFabric(of: OnFabric): void {
  const image = (): string => of.image();
  const apply = async (name: string, spec: object): Promise<void> => {
    const shared = { driver: 'docker', grace: '200ms', resources: { memory: '64Mi' } };
    expect(await of.under().apply(name, { ...shared, ...spec })).toMatchObject({ ok: true });
  };
  const one = (name: string): Instance | undefined =>
    [...of.under().instances.by('workload', `default.${name}`)][0]?.value;
  const seen = (name: string): Observed | undefined => {
    const instance = one(name);
    return instance && of.under().seen(instance);
  };
  const isReady = (name: string, count = 1) =>
    eventually(() => of.under().ready(name).length === count, 30_000, `${count} of ${name} ready`);
  const gone = async (name: string): Promise<void> => {
    await of.under().run(`delete workload ${name}`);
    const isEmpty = async () => (await of.engine().remains()).length === 0;
    await eventually(isEmpty, 30_000, 'nothing left');
  };

  beforeAll(async () => {
    await importNode(of.engine().client);
    const offers = () => of.under().nodes.get({ node: 'n1' })?.drivers['docker'];
    await eventually(() => offers() !== undefined, 20_000, 'the engine on n1');
  });
  afterAll(async () => {
    await of.engine().client.getImage(NODE_IMAGE).remove();
  });

  test.each(WAYS)(
    'a probe by %s is answered by a container, and says when it is not',
    async (way, probe, why) => {
      const command = ['/usr/bin/node', '-e', PROGRAM];
      const readiness = { ...probe, ...often };
      const resources = { memory: '256Mi' };
      const spec = { image: NODE_IMAGE, command, ports: PORTS, probes: { readiness }, resources };
      await apply(way, spec);
      await isReady(way);
      const { ports = {} } = seen(way) ?? {};
      const tell = (what: string) => fetch(`http://127.0.0.1:${ports['http']}/stop?way=${what}`);
      await tell(way);
      await isReady(way, 0);
      expect(seen(way)?.message).toContain(`readiness probe failed: ${why}`);
      await tell('none');
      await isReady(way);
      expect(seen(way)?.restarts).toBe(0);
      if (way === 'http')
        expect(await heard(ports['udp'] ?? 0, 'a datagram')).toBe('heard a datagram');
      await gone(way);
    },
  );

  test('a container that has written more than its limit is ended with the reason, and started anew', async () => {
    const command = ['sh', '-c', 'dd if=/dev/zero of=/big bs=64k count=64; sleep 300'];
    await apply('writer', { image: image(), command, limits: { disk: '1Mi' } });
    const isEnded = () => seen('writer')?.lastEnd?.message.includes('disk limit exceeded') === true;
    await eventually(isEnded, 60_000, 'it to be ended');
    expect(seen('writer')?.lastEnd?.message).toMatch(/disk limit exceeded: \S+ of 1Mi/);
    await gone('writer');
  });

  test('a service whose command cannot start says so, waits longer and longer, and disturbs nobody', async () => {
    await apply('beside', { image: image(), command: ['sleep', '300'] });
    await isReady('beside');
    await apply('odd', { image: image(), command: ['no-such-program'] });
    const isSaid = () => seen('odd')?.message?.includes('no-such-program') === true;
    await eventually(isSaid, 30_000, 'the reason');
    await eventually(() => (seen('odd')?.restarts ?? 0) >= 2, 30_000, 'it to be tried again');
    // Between two tries it waits: more often than it tries.
    const listed = () => of.under().run('get instances --workload odd');
    const isWaiting = async () => /backing-off.*no-such-program/.test(await listed());
    await eventually(isWaiting, 30_000, 'it to be listed so');
    expect(seen('beside')).toMatchObject({ isReady: true, restarts: 0 });
    await of.under().run('delete workload odd');
    await gone('beside');
  });
}

/** What a port answers to a datagram; sent again until it does. */
async function heard(port: number, text: string): Promise<string> {
  const socket = createSocket('udp4');
  let answer: string | undefined;
  socket.on('message', (bytes) => {
    answer = String(bytes);
  });
  try {
    await eventually(
      async () => {
        socket.send(text, port, '127.0.0.1');
        await new Promise((resolve) => setTimeout(resolve, 100));
        return answer !== undefined;
      },
      10_000,
      'an answer',
    );
    return answer ?? '';
  } finally {
    socket.close();
  }
}
