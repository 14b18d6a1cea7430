/** What stands in the way of a start is one sentence that ends in what to do. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '../../actors/runtime/log.ts';
import { connectBus, isOlder } from '../../actors/runtime/nats/connection.ts';
import { busSettings, joinBus, viewsCurrent } from '../../actors/runtime/nats/process.ts';
import { StartError } from '../../actors/runtime/start-error.ts';
import type { ServerSettings } from '../../nats/config.ts';
import { userKey } from '../../nats/keys.ts';
import { obtainServer } from '../../nats/obtain.ts';
import { checkPort, freePort, startServer } from '../../nats/start.ts';
import { routeRecord } from '../../subjects/index.ts';
import { natsFixture } from '../support/nats.ts';
import { eventually } from '../support/ports.ts';

const identity = { role: 'control', name: 'test' } as const;
let folder: string;
const listening: Server[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-test-start-'));
});
afterEach(async () => {
  for (const each of listening.splice(0)) {
    await new Promise((resolve) => each.close(resolve));
  }
  await rm(folder, { recursive: true, force: true });
});

async function sentence(of: Promise<unknown>): Promise<string> {
  const error = await of.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(StartError);
  const { message } = error as StartError;
  expect(message).not.toContain('\n');
  return message;
}

/** A listener that greets whoever connects. */
async function listener(greeting = ''): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(greeting);
    socket.on('data', (data) => data.includes('PING') && socket.write('PONG\r\n'));
  });
  listening.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function settingsIn(port: number): Promise<ServerSettings> {
  return {
    name: 'test',
    host: '127.0.0.1',
    port,
    monitorPort: await freePort(),
    storeDirectory: join(folder, 'store'),
    syncInterval: '10s',
    users: [await userKey(join(folder, 'keys'), identity)],
  };
}

describe('nats-server', () => {
  test('is not started on a port in use', async () => {
    const port = await listener();
    const { path } = await obtainServer();
    const told = await sentence(startServer(path, folder, await settingsIn(port)));
    expect(told).toBe(
      `port ${port} on 127.0.0.1 is in use; stop what listens there or choose another port`,
    );
    await expect(checkPort('127.0.0.1', await freePort())).resolves.toBeUndefined();
  });

  test('is not started where its monitoring port is in use', async () => {
    const monitorPort = await listener();
    const settings = { ...(await settingsIn(await freePort())), monitorPort };
    expect(await sentence(startServer('nats-server', folder, settings))).toContain(
      `${monitorPort}`,
    );
  });

  test('a free port is never one that the system gives to outgoing connections', async () => {
    const ports = [await freePort(), await freePort(), await freePort()];
    expect(new Set(ports).size).toBe(3);
    for (const port of ports) expect(port).toBeLessThan(32_768);
  });

  test('that cannot be run is named, and nothing is waited for', async () => {
    const started = performance.now();
    const settings = await settingsIn(await freePort());
    const told = await sentence(startServer(join(folder, 'missing'), folder, settings));
    expect(told).toMatch(/^nats-server did not start \(.*ENOENT\)/);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('that ends at once is told with the last line of its log', async () => {
    const settings = { ...(await settingsIn(await freePort())), syncInterval: 'nonsense' };
    const { path } = await obtainServer();
    const told = await sentence(startServer(path, folder, settings));
    expect(told).toMatch(
      /^nats-server did not start \(it ended with 1\): .+; its log is .*test\.log$/,
    );
  });
});

describe('a program', () => {
  test('finds no server', async () => {
    const url = `nats://127.0.0.1:${await freePort()}`;
    const told = await sentence(connectBus({ servers: [url] }, identity, { timeoutMs: 300 }));
    expect(told).toMatch(
      /^no nats-server at nats:.* \(.+\); start one with `make up` or set SHOAL_NATS$/,
    );
  });

  test('finds something else', async () => {
    const url = `nats://127.0.0.1:${await listener('HTTP/1.1 400 Bad Request\r\n\r\n')}`;
    const told = await sentence(connectBus({ servers: [url] }, identity, { timeoutMs: 300 }));
    expect(told).toContain('no nats-server at');
  });

  test('finds a server that is too old', async () => {
    const info = {
      server_id: 'X',
      version: '2.9.25',
      proto: 1,
      max_payload: 1_048_576,
      headers: true,
    };
    const url = `nats://127.0.0.1:${await listener(`INFO ${JSON.stringify(info)}\r\n`)}`;
    expect(await sentence(connectBus({ servers: [url] }, identity))).toBe(
      'nats-server 2.9.25 is too old, at least 2.14.0 is needed; set NATS_SERVER to a newer one or unset it to obtain one',
    );
  });

  test('has no seed, or one the server does not know', async () => {
    await using fixture = await natsFixture([identity]);
    const servers = [fixture.url];
    const stranger = await userKey(folder, { role: 'agent', name: 'stranger' });
    for (const seedFile of [undefined, stranger.seedFile]) {
      const joining = joinBus({ servers, seedFile }, identity, { log: silentLog });
      expect(await sentence(joining)).toBe(
        `nats-server at ${fixture.url} refused the login of control:test; check its seed file`,
      );
    }
  });

  test('has a seed file that is missing or holds no seed', async () => {
    const servers = ['nats://127.0.0.1:1'];
    const missing = join(folder, 'missing.nk');
    const joining = (seedFile: string) =>
      sentence(joinBus({ servers, seedFile }, identity, { log: silentLog, timeoutMs: 100 }));
    expect(await joining(missing)).toBe(
      `cannot read the seed file ${missing}; set SHOAL_SEED to one that is there`,
    );
    const garbage = join(folder, 'garbage.nk');
    await writeFile(garbage, 'not a seed');
    expect(await joining(garbage)).toBe(
      `the seed file ${garbage} holds no seed of an nkey; set SHOAL_SEED to one that does`,
    );
  });

  test('finds a bus without a control plane', async () => {
    await using fixture = await natsFixture([{ role: 'gateway', name: 'g' }], { isOpen: true });
    const seedFile = join(fixture.folder, 'keys', 'gateway-g.nk');
    const bus = await joinBus(
      { servers: [fixture.url], seedFile },
      { role: 'gateway', name: 'g' },
      { log: silentLog },
    );
    bus.views.follow(routeRecord, {}, () => undefined);
    expect(await sentence(viewsCurrent(bus.views, 300))).toBe(
      'the store cannot be read; is a control plane running on this bus?',
    );
    bus.views.close();
    await bus.connection.close();
  });
});

describe('the settings of the bus', () => {
  test('are read from the environment, with defaults', () => {
    expect(busSettings({})).toEqual({ servers: ['nats://127.0.0.1:4222'], seedFile: undefined });
    expect(busSettings({ SHOAL_NATS: 'a:1, b:2', SHOAL_SEED: '/x.nk' })).toEqual({
      servers: ['a:1', 'b:2'],
      seedFile: '/x.nk',
    });
  });
});

test.each([
  ['2.9.25', '2.14.0', true],
  ['2.14.0', '2.14.0', false],
  ['2.14.10', '2.14.9', false],
  ['v2.13.9', '2.14.0', true],
  ['3.0.0', '2.14.0', false],
  ['2.14', '2.14.0', false],
  ['2.14.0-RC.1', '2.14.0', false],
  ['', '2.14.0', true],
])('%s older than %s: %s', (version, than, expected) => {
  expect(isOlder(version, than)).toBe(expected);
});

test('a server that never gets healthy is not left running', async () => {
  const script = join(folder, 'deaf');
  const pidFile = join(folder, 'pid');
  await writeFile(script, `#!/bin/sh\necho $$ > ${pidFile}\nexec sleep 60\n`, { mode: 0o755 });
  const settings = await settingsIn(await freePort());
  const told = await sentence(startServer(script, folder, settings, { readyMs: 500 }));
  expect(told).toMatch(/was not healthy in 500 ms/);
  const pid = Number(await readFile(pidFile, 'utf8'));
  const isGone = (): boolean => {
    try {
      return !process.kill(pid, 0);
    } catch {
      return true;
    }
  };
  await eventually(isGone, 5_000, 'the end of the process');
});
