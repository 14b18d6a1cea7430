/** The Docker driver on an engine of its own: what every driver promises, and what is its own. */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '../../../actors/runtime/log.ts';
import { Devices } from '../../../edge-agent/drivers/devices.ts';
import { DockerDriver } from '../../../edge-agent/drivers/docker/driver.ts';
import { Engine } from '../../../edge-agent/drivers/docker/engine.ts';
import { endAllMarked, endInside } from '../../../edge-agent/drivers/docker/exec.ts';
import { Given } from '../../../edge-agent/drivers/given.ts';
import { Ports } from '../../../edge-agent/drivers/ports.ts';
import type { InstanceReport, StartInput } from '../../../edge-agent/jobs.ts';
import { freePort } from '../../../nats/start.ts';
import type { AllowedMount } from '../../../subjects/index.ts';
import { holdingsOf } from '../../support/container-engine.ts';
import { DockerEngine, IMAGE } from '../../support/docker.ts';
import { eventually } from '../../support/ports.ts';
import { copyConformance } from '../agent/copy-conformance.ts';
import { conformance, NAME, startInput } from '../agent/driver-conformance.ts';
import { interactConformance } from '../agent/interact-conformance.ts';
import { DEVICES, placeConformance } from '../agent/place-conformance.ts';
import { sidecarConformance } from '../agent/sidecar-conformance.ts';
import { containerFixture } from './container-fixture.ts';

const AGENT = `test-${process.pid}`;
const SPEC = { driver: 'docker', image: IMAGE, resources: { memory: '64Mi' } };
let engine: DockerEngine;

let before: readonly string[];
beforeAll(async () => {
  engine = await DockerEngine.start();
  before = await holdingsOf(engine);
});
afterAll(async () => {
  try {
    // Whatever these tests did, no container, volume, network or image is more or less than before.
    if (before) expect(await holdingsOf(engine)).toEqual(before);
  } finally {
    await engine?.[Symbol.asyncDispose]();
  }
});

const openIn = (
  state: string,
  ports: Pick<Ports, 'take' | 'keep' | 'release' | 'forget'> = new Ports({
    from: 24_000,
    to: 24_999,
  }),
  mounts: readonly AllowedMount[] = [],
) =>
  DockerDriver.open(
    {
      node: 'n1',
      agent: AGENT,
      state,
      address: '127.0.0.1',
      socket: engine.socket,
      credentials: join(state, 'credentials'),
      mounts,
      imageLimits: undefined,
    },
    new Given(ports, new Devices(DEVICES)),
    silentLog,
  );
const container = (run = 1) => engine.client.getContainer(`shoal-${AGENT}-${NAME}-${run}`);

const fixture = containerFixture({
  ...{ engine: () => engine, open: openIn, spec: SPEC },
  container: (run) => `shoal-${AGENT}-${NAME}-${run}`,
});
conformance('the Docker driver', fixture);
placeConformance('the Docker driver', fixture, (path) => `/${path}`);
interactConformance('the Docker driver', fixture);
copyConformance('the Docker driver', fixture, '/');
sidecarConformance('the Docker driver', fixture, (path) => `/${path}`);

describe('the Docker driver', () => {
  let state: string;
  let driver: DockerDriver;
  let reports: InstanceReport[];

  beforeEach(async () => {
    state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
    reports = [];
    driver = await openIn(state);
  });
  afterEach(async () => {
    await driver.endAll(200);
    driver.leave();
    await rm(state, { recursive: true, force: true });
    expect(await engine.remains()).toEqual([]);
  });

  const report = (each: InstanceReport): void => void reports.push(each);
  const input = (command: readonly string[], more: object = {}, run = 1): StartInput =>
    startInput({ ...SPEC, command, ...more }, run);
  const exit = () => reports.find((each) => each.kind === 'exited');
  const ended = (withinMs = 10_000) => eventually(() => exit() !== undefined, withinMs, 'the end');
  const has = (kind: InstanceReport['kind']) =>
    eventually(() => reports.some((each) => each.kind === kind), 10_000, kind);
  const output = () => readFile(join(driver.folder(NAME), 'stdout'), 'utf8');

  test('gives a container the limits of its spec, its labels, and nothing of the machine', async () => {
    const limits = { cpu: '250m', memory: '32Mi', pids: 20 };
    driver.start(input(['sleep', '300'], { limits, directory: '/bin' }), report);
    await has('started');
    const { HostConfig: host, Config: config, Mounts: mounts } = await container().inspect();
    expect(host).toMatchObject({ CpuPeriod: 100_000, CpuQuota: 25_000, PidsLimit: 20 });
    expect(host).toMatchObject({ Memory: 32 * 2 ** 20, MemorySwap: 32 * 2 ** 20 });
    expect(host).toMatchObject({ Privileged: false, RestartPolicy: { Name: 'no' } });
    expect(mounts).toEqual([]);
    expect(config.WorkingDir).toBe('/bin');
    expect(config.Labels).toMatchObject({
      ...{ 'shoal.agent': AGENT, 'shoal.name': NAME, 'shoal.run': '1' },
      ...{ 'shoal.tenant': 'default', 'shoal.workload': 'w', 'shoal.instance': 'w-1' },
    });
  });

  test('publishes the port a program listens on in its container, on loopback only', async () => {
    const command = ['sh', '-c', 'echo "inside $PORT"; exec busybox httpd -f -p 8080'];
    const ports = [{ name: 'http', container: 8080 }];
    driver.start(input(command, { ports }), report);
    await has('ready');
    const told = reports.find((each) => each.kind === 'started');
    const port = told?.kind === 'started' ? (told.ports['http'] ?? 0) : 0;
    expect(port).toBeGreaterThanOrEqual(24_000);
    expect((await fetch(`http://127.0.0.1:${port}/none`)).status).toBe(404);
    const { HostConfig: host } = await container().inspect();
    expect(host.PortBindings).toEqual({
      '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: String(port) }],
    });
    await eventually(async () => (await output()) === 'inside 8080\n', 5_000, 'what it printed');
  });

  test('publishes a port of the node that the spec names, of tcp and udp', async () => {
    const host = await freePort();
    const ports = [
      { name: 'http', host, container: 8080 },
      { name: 'dns', host, container: 53, protocol: 'udp' },
    ];
    driver.start(input(['busybox', 'httpd', '-f', '-p', '8080'], { ports }), report);
    // Of udp nobody can say whether it is ready: it is when the others are.
    await has('ready');
    expect(reports).toMatchObject([{ ports: { http: host, dns: host } }, { kind: 'ready' }]);
    expect((await fetch(`http://127.0.0.1:${host}/none`)).status).toBe(404);
    const { HostConfig: of } = await container().inspect();
    const published = [{ HostIp: '127.0.0.1', HostPort: String(host) }];
    expect(of.PortBindings).toEqual({ '8080/tcp': published, '53/udp': published });
  });

  test('without network there is none but its own, nor for the steps before', async () => {
    const look = ['cat', '/proc/net/dev'];
    driver.start(input(look, { network: 'none', init: [{ command: look }] }), report);
    await ended();
    const devices = (await output()).match(/^ *[a-z0-9]+(?=:)/gm)?.map((each) => each.trim());
    expect(devices?.filter((each) => /^(eth|lo)/.test(each))).toEqual(['lo', 'lo']);
  });

  test('what an earlier agent ran beside a container is ended, from outside or by a shell in it', async () => {
    driver.start(input(['sleep', '300']), report);
    await has('started');
    const box = `shoal-${AGENT}-${NAME}-1`;
    const inside = await Engine.open(engine.socket);
    for (const [index, end] of [endAllMarked, endInside].entries()) {
      const of = { command: ['sleep', '306'], environment: [`SHOAL_EXEC=${index}`] };
      const to = { print: () => undefined, signal: AbortSignal.timeout(10_000) };
      const ran = inside.exec(box, of, to);
      await eventually(async () => (await inside.processes(box)).length === 2, 5_000, 'it runs');
      await end(inside, box, 'SHOAL_EXEC=');
      expect(await ran).toEqual({ exitCode: 137 });
      expect(await inside.processes(box)).toHaveLength(1);
    }
    expect(exit()).toBeUndefined();
  });

  test('a file cannot be written by its program, whoever that runs as', async () => {
    const files = [{ path: '/etc/app.conf', text: 'as written' }];
    const command = ['sh', '-c', 'id -u; echo x > /etc/app.conf; cat /etc/app.conf'];
    driver.start(input(command, { files }), report);
    await ended();
    expect(await output()).toBe('0\nas written');
  });

  describe('a part of the machine', () => {
    let allowed: string;
    beforeEach(async () => {
      allowed = join(state, 'allowed');
      await mkdir(join(allowed, 'models'), { recursive: true });
      await writeFile(join(allowed, 'models', 'one'), 'weights');
      await symlink('/etc', join(allowed, 'out'));
      driver.leave();
      driver = await openIn(state, undefined, [{ path: allowed, readOnly: true }]);
    });
    const mounted = (source: string, more: object = {}) =>
      input(['sh', '-c', 'cat /m/one; echo x > /m/two'], {
        mounts: [{ source, path: '/m', ...more }],
      });

    test('is what its operator allows, read-only, and offered', async () => {
      expect(await driver.offer()).toMatchObject({ mounts: [{ path: allowed, readOnly: true }] });
      driver.start(mounted(join(allowed, 'models')), report);
      await ended();
      expect(exit()).toMatchObject({ exitCode: 1 });
      expect(await output()).toBe('weights');
      expect(await readdir(join(allowed, 'models'))).toEqual(['one']);
      driver.forget(NAME);
      await driver.settled();
      expect(await readFile(join(allowed, 'models', 'one'), 'utf8')).toBe('weights');
    });

    test.each([
      ['not allowed', () => '/etc', {}, /allows no mount of \/etc; its operator sets SHOAL_MOUNTS/],
      ['for writing', () => join(allowed, 'models'), { readOnly: false }, /models for writing/],
      ['a link that leads out', () => join(allowed, 'out'), {}, /allows no mount/],
      ['not there', () => join(allowed, 'none'), {}, /there is no .*none on this node/],
    ])('%s is refused, and nothing is made', async (_, source, more, why) => {
      driver.start(mounted(source(), more), report);
      await ended();
      expect(reports).toMatchObject([{ kind: 'exited', message: expect.stringMatching(why) }]);
      await driver.settled();
      expect(await engine.remains()).toEqual([]);
    });
  });

  test('memory above the limit ends it, and it is said why', async () => {
    const command = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1'];
    driver.start(input(command, { limits: { memory: '16Mi' } }), report);
    await ended();
    expect(exit()).toMatchObject({ message: 'ended by the kernel: more memory than its limit' });
  });

  test('an image that is not there, and must not be pulled, is said so at once', async () => {
    const more = { image: 'no/such:1', pull: 'never' };
    driver.start(input(['true'], more), report);
    await ended();
    expect(reports).toMatchObject([
      { kind: 'exited', message: 'image no/such:1 is not here, and pull is never' },
    ]);
  });

  test('a registry that does not answer is a reason within seconds', async () => {
    // Nobody listens on port 1.
    driver.start(input(['true'], { image: '127.0.0.1:1/no/such:1' }), report);
    await ended();
    expect(reports.map(({ kind }) => kind)).toEqual(['preparing', 'exited']);
    expect(exit()).toMatchObject({
      message: expect.stringMatching(
        /^image 127\.0\.0\.1:1\/no\/such:1 cannot be pulled: .*refused/,
      ),
    });
  });

  test('a registry that hangs is a reason within seconds, and a stop does not wait for it', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = silent.address() as { readonly port: number };
      const image = `127.0.0.1:${port}/app:1`;
      driver.start(input(['true'], { image }), report);
      await ended(25_000);
      expect(exit()).toMatchObject({ message: expect.stringContaining('said nothing for 15 s') });
      reports = [];
      driver.start(input(['true'], { image }, 2), report);
      driver.stop({ name: NAME, run: 2, graceMs: 60_000 }, report);
      await ended(5_000);
      expect(exit()).toMatchObject({ run: 2, message: expect.stringContaining('told to stop') });
    } finally {
      silent.close();
    }
  });

  test('a port that somebody else took is a reason, and leaves no container', async () => {
    const taker = createServer();
    await new Promise<void>((resolve) => taker.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = taker.address() as { readonly port: number };
      driver.leave();
      // Chosen while it was free: whoever is faster has it.
      const chosen = Object.assign(new Ports({ from: port, to: port }), {
        take: async () => ({ http: port }),
      });
      driver = await openIn(state, chosen);
      driver.start(input(['sleep', '300'], { ports: [{ name: 'http' }] }), report);
      await ended();
      expect(reports).toMatchObject([{ message: expect.stringContaining(String(port)) }]);
      await driver.settled();
      expect(await engine.remains()).toEqual([]);
    } finally {
      taker.close();
    }
  });

  test('a container that somebody removes has ended', async () => {
    driver.start(input(['sleep', '300']), report);
    await has('started');
    await container().remove({ force: true });
    await ended();
    expect(exit()).toMatchObject({ run: 1 });
  });

  test('D5: what only the disk knows of is taken over; what only the engine knows of is removed', async () => {
    driver.start(input(['sleep', '300']), report);
    await has('started');
    driver.leave();
    // What the one that is gone notes last may come in between.
    await rm(join(state, 'docker/instances', NAME), { recursive: true, maxRetries: 5 });
    driver = await openIn(state);
    expect(await driver.found(report)).toEqual([]);
    expect(await engine.remains()).toEqual([]);
  });

  test('an agent that died before its container was made, or was started, is told so', async () => {
    driver.start(input(['sleep', '300'], {}, 3), report);
    await has('started');
    driver.leave();
    await container(3).remove({ force: true });
    driver = await openIn(state);
    reports = [];
    expect(await driver.found(report)).toMatchObject([{ run: 3, isReady: false }]);
    await ended();
    expect(exit()).toMatchObject({ run: 3, message: 'its container is gone' });
  });
});
