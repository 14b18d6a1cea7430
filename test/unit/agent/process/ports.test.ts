/** Each instance gets ports nobody else uses: within the range, tried, remembered, given back. */
import { createSocket } from 'node:dgram';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import {
  isListening,
  Ports,
  refusalOf,
  tcpPorts,
  whenListening,
} from '../../../../edge-agent/drivers/ports.ts';
import type { StartInput } from '../../../../edge-agent/jobs.ts';
import { freePort } from '../../../../nats/start.ts';
import { spec } from '../scene.ts';

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

/** A start of a run with these ports. */
const run = (number: number, ports: readonly object[], instance = 'web-1'): StartInput => ({
  ...{ name: `default.${instance}`, run: number, tenant: 'default', workload: 'web', instance },
  ...{ epoch: 1, attempt: 1, spec: spec({ ports }) },
});
const http = (number: number, instance?: string) => run(number, [{ name: 'http' }], instance);

describe('ports', () => {
  test('of several names are several, within the range', async () => {
    const range = { from: 23_500, to: 23_600 };
    const names = ['http', 'admin', 'metrics'];
    const ports = await new Ports(range).take(
      run(
        1,
        names.map((name) => ({ name })),
      ),
    );
    expect(Object.keys(ports)).toEqual(names);
    expect(new Set(Object.values(ports)).size).toBe(3);
    for (const port of Object.values(ports)) {
      expect(port).toBeGreaterThanOrEqual(range.from);
      expect(port).toBeLessThanOrEqual(range.to);
    }
    expect(await new Ports(range).take(run(1, []))).toEqual({});
  });

  test('that are taken are given to nobody else until they are released', async () => {
    const { port, range } = await single();
    const ports = new Ports(range);
    expect(await ports.take(http(1))).toEqual({ http: port });
    await expect(ports.take(http(2))).rejects.toThrow(
      `no port is free between ${port} and ${port}`,
    );
    ports.release(http(2));
    await expect(ports.take(http(2))).rejects.toThrow('no port is free');
    ports.release(http(1));
    expect(await ports.take(http(2))).toEqual({ http: port });
  });

  test('that a found instance has are kept for it', async () => {
    const { port, range } = await single();
    const ports = new Ports(range);
    ports.keep({ input: http(1), ports: { http: port } });
    await expect(ports.take(http(2))).rejects.toThrow('no port is free');
  });

  test('that somebody else listens on are passed over', async () => {
    const { port, range } = await single();
    await listen(port);
    await expect(new Ports(range).take(http(1))).rejects.toThrow('no port is free');
  });

  test('asked for at once are never the same', async () => {
    const ports = new Ports({ from: 23_700, to: 23_760 });
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, n) => ports.take(http(n, `w-${n}`))),
    );
    expect(new Set(all.map((each) => each['http'])).size).toBe(20);
  });

  test('that a spec names are those, whoever has them otherwise is told, and then it has none', async () => {
    const { port, range } = await single();
    const other = await freePort();
    const fixed = [
      { name: 'http', host: other },
      { name: 'dns', host: port },
      { name: 'dns-udp', host: port, protocol: 'udp' },
    ];
    const ports = new Ports(range);
    expect(await ports.take(run(1, fixed))).toEqual({ http: other, dns: port, 'dns-udp': port });
    const second = run(1, [{ name: 'http' }, { name: 'dns', host: port }], 'web-2');
    await expect(ports.take(run(1, fixed.slice(1), 'web-2'))).rejects.toThrow(
      `${port}/tcp is taken here by run 1 of default.web-1`,
    );
    ports.release(run(1, fixed));
    await listen(port);
    await expect(new Ports({ from: other, to: other }).take(second)).rejects.toThrow(
      `${port}/tcp is taken here by a program that is none of Shoal's`,
    );
    const both = new Ports({ from: other, to: other });
    await expect(both.take(second)).rejects.toThrow('taken here');
    expect(await both.take(http(2))).toEqual({ http: other });
  });

  test('that parts share stay over their runs, and are free when nothing of the instance runs', async () => {
    const { port, range } = await single();
    const part = (number: number, instance: string, sidecar?: string): StartInput => {
      const name = `default.${instance}`;
      const sidecars = [{ name: 'side', command: ['side'] }];
      return {
        ...run(number, [], instance),
        ...{ name: sidecar ? `${name}.${sidecar}` : name, sidecar },
        spec: spec({ ports: [{ name: 'http', host: port }], sidecars }),
      };
    };
    const ports = new Ports(range);
    expect(await ports.take(part(1, 'web-1', 'side'))).toEqual({ http: port });
    expect(await ports.take(part(2, 'web-1'))).toEqual({ http: port });
    ports.release(part(2, 'web-1'));
    ports.release(part(1, 'web-1', 'side'));
    await expect(ports.take(part(3, 'web-2', 'side'))).rejects.toThrow(
      `${port}/tcp is taken here by default.web-1`,
    );
    ports.forget('default.web-1');
    expect(await ports.take(part(3, 'web-2', 'side'))).toEqual({ http: port });
  });

  test('that are udp are tried as such, and say nothing about being ready', async () => {
    const { port, range } = await single();
    const taker = createSocket('udp4');
    await new Promise<void>((resolve) => taker.bind(port, '127.0.0.1', resolve));
    const input = run(1, [{ name: 'dns', protocol: 'udp' }]);
    await expect(new Ports(range).take(input)).rejects.toThrow('no port is free');
    expect(await new Ports(range).take(http(1))).toEqual({ http: port });
    await new Promise<void>((resolve) => taker.close(() => resolve()));
    const ports = await new Ports(range).take(input);
    expect(ports).toEqual({ dns: port });
    expect(tcpPorts({ input, ports })).toEqual([]);
    expect(tcpPorts({ input: http(1), ports: { http: port } })).toEqual([port]);
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
