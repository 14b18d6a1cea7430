/** Each instance gets ports nobody else uses: within the range, tried, remembered, given back. */
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import {
  isListening,
  Ports,
  refusalOf,
  whenListening,
} from '../../../../edge-agent/drivers/ports.ts';
import { freePort } from '../../../../nats/start.ts';

const open: Server[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await new Promise((resolve) => each.close(resolve));
});
async function listen(port: number): Promise<void> {
  const server = createServer((socket) => socket.destroy());
  open.push(server);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
}
/** A range of one port that is free. */
async function single() {
  const port = await freePort();
  return { port, range: { from: port, to: port } };
}

test('a port that takes a connection at once is not late for being watched a while', async () => {
  const server = createServer(() => undefined);
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const to = { host: '127.0.0.1', port };
  expect(await refusalOf(to, { timeoutMs: 50, staysMs: 150 })).toBeUndefined();
});

describe('ports', () => {
  test('of several names are several, within the range', async () => {
    const range = { from: 23_500, to: 23_600 };
    const ports = await new Ports(range).take(['http', 'admin', 'metrics']);
    expect(Object.keys(ports)).toEqual(['http', 'admin', 'metrics']);
    expect(new Set(Object.values(ports)).size).toBe(3);
    for (const port of Object.values(ports)) {
      expect(port).toBeGreaterThanOrEqual(range.from);
      expect(port).toBeLessThanOrEqual(range.to);
    }
    expect(await new Ports(range).take([])).toEqual({});
  });

  test('that are taken are given to nobody else until they are released', async () => {
    const { port, range } = await single();
    const ports = new Ports(range);
    expect(await ports.take(['http'])).toEqual({ http: port });
    await expect(ports.take(['http'])).rejects.toThrow(
      `no port is free between ${port} and ${port}`,
    );
    ports.release({ http: port });
    expect(await ports.take(['http'])).toEqual({ http: port });
  });

  test('that a found instance has are kept for it', async () => {
    const { port, range } = await single();
    const ports = new Ports(range);
    ports.keep({ http: port });
    await expect(ports.take(['http'])).rejects.toThrow('no port is free');
  });

  test('that somebody else listens on are passed over', async () => {
    const { port, range } = await single();
    await listen(port);
    await expect(new Ports(range).take(['http'])).rejects.toThrow('no port is free');
  });

  test('asked for at once are never the same', async () => {
    const ports = new Ports({ from: 23_700, to: 23_760 });
    const all = await Promise.all(Array.from({ length: 20 }, () => ports.take(['http'])));
    expect(new Set(all.map((each) => each['http'])).size).toBe(20);
  });
});

describe('readiness', () => {
  test('is when every port takes connections', async () => {
    const [one, other] = [await freePort(), await freePort()];
    await listen(one);
    expect(await isListening('127.0.0.1', [one, other])).toBe(false);
    await listen(other);
    expect(await isListening('127.0.0.1', [one, other])).toBe(true);
    expect(await isListening('127.0.0.1', [])).toBe(true);
  });

  test('is told once, as soon as it is so', async () => {
    const port = await freePort();
    let told = 0;
    const ready = new Promise<void>((resolve) => {
      whenListening('127.0.0.1', [port], () => {
        told++;
        resolve();
      });
    });
    await listen(port);
    await ready;
    expect(told).toBe(1);
  });

  test('is not told to who has given up', async () => {
    const port = await freePort();
    await listen(port);
    let told = 0;
    const giveUp = whenListening('127.0.0.1', [port], () => told++);
    giveUp();
    expect(await isListening('127.0.0.1', [port])).toBe(true);
    expect(told).toBe(0);
  });
});
