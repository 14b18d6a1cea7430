/** The network of the tests does to bytes what it is told, and nothing else. */
import { once } from 'node:events';
import {
  type AddressInfo,
  createConnection,
  createServer,
  type Server,
  type Socket,
} from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../support/ports.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';

/** What one side has heard, and whether the other side has ended. */
interface Side {
  readonly socket: Socket;
  heard: string;
  isClosed: boolean;
}

let target: Server;
let proxy: TcpProxy;
let far: Side[];
const opened: Socket[] = [];

const side = (socket: Socket): Side => {
  const of: Side = { socket, heard: '', isClosed: false };
  opened.push(socket);
  socket.on('data', (bytes) => {
    of.heard += bytes.toString();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    of.isClosed = true;
  });
  return of;
};

/** A connection through the proxy, both ends of it. */
const dial = async (): Promise<{ readonly near: Side; readonly far: Side }> => {
  const before = far.length;
  const near = side(createConnection(proxy.port, '127.0.0.1'));
  await eventually(() => far.length > before);
  return { near, far: far[before] as Side };
};

beforeEach(async () => {
  far = [];
  target = createServer((socket) => far.push(side(socket)));
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  proxy = await TcpProxy.start({ port: (target.address() as AddressInfo).port });
});

afterEach(async () => {
  for (const socket of opened.splice(0)) socket.destroy();
  await proxy[Symbol.asyncDispose]();
  await new Promise((resolve) => target.close(resolve));
});

test('it forwards both ways, in order, and passes an end on', async () => {
  const { near, far } = await dial();
  near.socket.write('one ');
  near.socket.write('two');
  far.socket.write('three');
  await eventually(() => far.heard === 'one two' && near.heard === 'three');
  expect(proxy.connections).toBe(1);
  near.socket.end();
  await eventually(() => far.isClosed && proxy.connections === 0);
});

test('a great deal gets through whole, also to a slow reader', async () => {
  const { near, far } = await dial();
  far.socket.pause();
  const text = 'x'.repeat(20 * 2 ** 20);
  near.socket.write(text);
  far.socket.resume();
  await eventually(() => far.heard.length === text.length, 15_000);
});

test('a cut ends what is open and what comes, until it heals', async () => {
  const { near, far } = await dial();
  proxy.cut();
  await eventually(() => near.isClosed && far.isClosed);
  const refused = side(createConnection(proxy.port, '127.0.0.1'));
  await eventually(() => refused.isClosed);
  proxy.heal();
  const again = await dial();
  again.near.socket.write('back');
  await eventually(() => again.far.heard === 'back');
});

test('held, nothing arrives and nobody is told; what was said arrives when it heals', async () => {
  const { near, far } = await dial();
  proxy.hold();
  near.socket.write('late');
  far.socket.end('end');
  await eventually(() => far.socket.writableFinished);
  expect([near.heard, near.isClosed, far.heard]).toEqual(['', false, '']);
  proxy.heal();
  await eventually(() => far.heard === 'late' && near.heard === 'end' && near.isClosed);
});

test('one way can be held while the other flows', async () => {
  const { near, far } = await dial();
  proxy.hold('to');
  near.socket.write('there');
  far.socket.write('back');
  await eventually(() => near.heard === 'back');
  expect(far.heard).toBe('');
  proxy.heal();
  await eventually(() => far.heard === 'there');
});

test('delayed bytes come later and in order, also when the delay ends meanwhile', async () => {
  const { near, far } = await dial();
  proxy.delay(150, 'to');
  const sentAt = performance.now();
  near.socket.write('slow ');
  await eventually(() => far.heard === 'slow ');
  expect(performance.now() - sentAt).toBeGreaterThanOrEqual(149);
  near.socket.write('one ');
  await eventually(() => near.socket.bytesWritten === 9);
  proxy.heal();
  near.socket.write('two');
  await eventually(() => far.heard === 'slow one two');
});
