/**
 * What the Docker driver gives a container, what keeps one from running, and what becomes of one that others
 * touch, on an engine of any make: `anyEngine(name, on)`. What every driver promises is ../agent's.
 *
 * Its cases run side by side: each has a folder and an agent's name of its own.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DockerDriver } from '../../../edge-agent/drivers/docker/driver.ts';
import { Engine } from '../../../edge-agent/drivers/docker/engine.ts';
import { endAllMarked, endInside } from '../../../edge-agent/drivers/docker/exec.ts';
import { Ports } from '../../../edge-agent/drivers/ports.ts';
import type { InstanceReport, StartInput } from '../../../edge-agent/jobs.ts';
import { freePort } from '../../../nats/start.ts';
import { type ContainerEngine, IMAGE } from '../../support/container-engine.ts';
import { type DriverOfTest, openDockerDriver } from '../../support/docker-driver.ts';
import { eventually } from '../../support/ports.ts';
import { NAME, startInput } from '../agent/driver-fixture.ts';

/** How long a registry may say nothing, in milliseconds. */
const SILENT_MS = 1_000;
/** How many ports a case may give away. */
const PORTS = 20;

export interface OnAnyEngine {
  engine(): ContainerEngine;
  /** Agents' names begin so. */
  readonly agent: string;
  /** The first port these cases give away. */
  readonly ports: number;
  /** Cases an engine is not held to, by title, with why. Default: none. */
  readonly exceptions?: Readonly<Record<string, string>>;
}

/** One case: a driver over a folder of its own, and what it told. */
class Case {
  readonly agent: string;
  readonly state: string;
  reports: InstanceReport[] = [];
  readonly #open: (more: Partial<DriverOfTest>) => Promise<DockerDriver>;
  #driver: DockerDriver;

  constructor(
    of: Pick<Case, 'agent' | 'state'>,
    open: (more: Partial<DriverOfTest>) => Promise<DockerDriver>,
    driver: DockerDriver,
  ) {
    this.agent = of.agent;
    this.state = of.state;
    this.#open = open;
    this.#driver = driver;
  }

  get driver(): DockerDriver {
    return this.#driver;
  }

  /** Another agent takes its place. */
  async reopen(more: Partial<DriverOfTest> = {}, between = async () => {}): Promise<void> {
    this.#driver.leave();
    await between();
    this.#driver = await this.#open(more);
  }

  readonly report = (each: InstanceReport): void => void this.reports.push(each);

  start(command: readonly string[], more: object = {}, run = 1): void {
    this.#driver.start(input(command, more, run), this.report);
  }

  get exit(): InstanceReport | undefined {
    return this.reports.find((each) => each.kind === 'exited');
  }

  has(kind: InstanceReport['kind']): Promise<void> {
    return eventually(() => this.reports.some((each) => each.kind === kind), 20_000, kind);
  }

  output(): Promise<string> {
    return readFile(join(this.#driver.folder(NAME), 'stdout'), 'utf8');
  }

  container(run = 1): string {
    return `shoal-${this.agent}-${NAME}-${run}`;
  }
}

const input = (command: readonly string[], more: object, run: number): StartInput =>
  startInput(
    { driver: 'docker', image: IMAGE, resources: { memory: '64Mi' }, command, ...more },
    run,
  );

export function anyEngine(name: string, on: OnAnyEngine): void {
  let cases = 0;
  const held = (title: string, act: () => Promise<void>): void => {
    const why = on.exceptions?.[title];
    if (why === undefined) test(title, act);
    else test.skip(`${title} (${why})`, act);
  };

  /** Runs a case; nothing of it is left in its engine. */
  async function alone(act: (at: Case) => Promise<void>): Promise<void> {
    const number = cases++;
    const agent = `${on.agent}-${number}`;
    const state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
    const from = on.ports + number * PORTS;
    const open = (more: Partial<DriverOfTest>) =>
      openDockerDriver({
        ...{ agent, state, socket: on.engine().socket, registrySilentMs: SILENT_MS },
        ...{ ports: new Ports({ from, to: from + PORTS - 1 }), ...more },
      });
    const at = new Case({ agent, state }, open, await open({}));
    try {
      await act(at);
    } finally {
      await at.driver.endAll(100);
      at.driver.leave();
      await rm(state, { recursive: true, force: true, maxRetries: 5 });
    }
    expect(await remains(at)).toEqual([]);
  }

  const remains = async ({ agent }: Case): Promise<readonly string[]> =>
    (await on.engine().remains()).filter((each) => each.includes(`shoal-${agent}-`));
  const inspect = (at: Case, run = 1) =>
    on.engine().client.getContainer(at.container(run)).inspect();

  describe.concurrent(name, () => {
    test('gives a container the limits of its spec, its labels, and nothing of the machine', () =>
      alone(async (at) => {
        const limits = { cpu: '250m', memory: '32Mi', pids: 20 };
        at.start(['sleep', '300'], { limits, directory: '/bin' });
        await at.has('started');
        const { HostConfig: host, Config: config, Mounts: mounts } = await inspect(at);
        expect(host).toMatchObject({ CpuPeriod: 100_000, CpuQuota: 25_000, PidsLimit: 20 });
        expect(host).toMatchObject({ Memory: 32 * 2 ** 20, MemorySwap: 32 * 2 ** 20 });
        expect(host).toMatchObject({ Privileged: false, RestartPolicy: { Name: 'no' } });
        expect(mounts).toEqual([]);
        expect(config.WorkingDir).toBe('/bin');
        expect(config.Labels).toMatchObject({
          ...{ 'shoal.agent': at.agent, 'shoal.name': NAME, 'shoal.run': '1' },
          ...{ 'shoal.tenant': 'default', 'shoal.workload': 'w', 'shoal.instance': 'w-1' },
        });
      }));

    test('publishes the port a program listens on in its container, on loopback only', () =>
      alone(async (at) => {
        const command = ['sh', '-c', 'echo "inside $PORT"; exec busybox httpd -f -p 8080'];
        at.start(command, { ports: [{ name: 'http', container: 8080 }] });
        await at.has('ready');
        const told = at.reports.find((each) => each.kind === 'started');
        const port = told?.kind === 'started' ? (told.ports['http'] ?? 0) : 0;
        expect(port).toBeGreaterThanOrEqual(on.ports);
        expect((await fetch(`http://127.0.0.1:${port}/none`)).status).toBe(404);
        const { HostConfig: host } = await inspect(at);
        expect(host.PortBindings).toEqual({
          '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: String(port) }],
        });
        const isPrinted = async () => (await at.output()) === 'inside 8080\n';
        await eventually(isPrinted, 10_000, 'what it printed');
      }));

    test('publishes a port of the node that the spec names, of tcp and udp', () =>
      alone(async (at) => {
        const host = await freePort();
        const ports = [
          { name: 'http', host, container: 8080 },
          { name: 'dns', host, container: 53, protocol: 'udp' },
        ];
        at.start(['busybox', 'httpd', '-f', '-p', '8080'], { ports });
        // Of udp nobody can say whether it is ready: it is when the others are.
        await at.has('ready');
        expect(at.reports).toMatchObject([{ ports: { http: host, dns: host } }, { kind: 'ready' }]);
        expect((await fetch(`http://127.0.0.1:${host}/none`)).status).toBe(404);
        const { HostConfig: of } = await inspect(at);
        const published = [{ HostIp: '127.0.0.1', HostPort: String(host) }];
        expect(of.PortBindings).toEqual({ '8080/tcp': published, '53/udp': published });
      }));

    test('without network there is none but its own, nor for the steps before', () =>
      alone(async (at) => {
        const look = ['cat', '/proc/net/dev'];
        at.start(look, { network: 'none', init: [{ command: look }] });
        await at.has('exited');
        const devices = (await at.output())
          .match(/^ *[a-z0-9]+(?=:)/gm)
          ?.map((each) => each.trim());
        expect(devices?.filter((each) => /^(eth|lo)/.test(each))).toEqual(['lo', 'lo']);
      }));

    held(
      'what an earlier agent ran beside a container is ended, from outside or by a shell in it',
      () =>
        alone(async (at) => {
          at.start(['sleep', '300']);
          await at.has('started');
          const box = at.container();
          const inside = await Engine.open(on.engine().socket);
          for (const [index, end] of [endAllMarked, endInside].entries()) {
            const of = { command: ['sleep', '306'], environment: [`SHOAL_EXEC=${index}`] };
            const to = { print: () => undefined, signal: AbortSignal.timeout(120_000) };
            const ran = inside.exec(box, of, to);
            const runs = async () => (await inside.processes(box)).length === 2;
            await eventually(runs, 10_000, 'it runs');
            await end(inside, box, 'SHOAL_EXEC=');
            expect(await ran).toEqual({ exitCode: 137 });
            expect(await inside.processes(box)).toHaveLength(1);
          }
          expect(at.exit).toBeUndefined();
        }),
    );

    test('a file cannot be written by its program, whoever that runs as', () =>
      alone(async (at) => {
        const files = [{ path: '/etc/app.conf', text: 'as written' }];
        at.start(['sh', '-c', 'id -u; echo x > /etc/app.conf; cat /etc/app.conf'], { files });
        await at.has('exited');
        expect(await at.output()).toBe('0\nas written');
      }));

    /** A case with a folder of the machine that containers may have, to be read. */
    const withFolder = (act: (at: Case, allowed: string) => Promise<void>) =>
      alone(async (at) => {
        const allowed = join(at.state, 'allowed');
        await mkdir(join(allowed, 'models'), { recursive: true });
        await writeFile(join(allowed, 'models', 'one'), 'weights');
        await symlink('/etc', join(allowed, 'out'));
        await at.reopen({ mounts: [{ path: allowed, readOnly: true }] });
        await act(at, allowed);
      });
    const mounted = (at: Case, source: string, more: object = {}): void =>
      at.start(['sh', '-c', 'cat /m/one; echo x > /m/two'], {
        mounts: [{ source, path: '/m', ...more }],
      });

    test('a part of the machine is what its operator allows, read-only, and offered', () =>
      withFolder(async (at, allowed) => {
        const offer = await at.driver.offer();
        expect(offer).toMatchObject({ mounts: [{ path: allowed, readOnly: true }] });
        mounted(at, join(allowed, 'models'));
        await at.has('exited');
        expect(at.exit).toMatchObject({ exitCode: 1 });
        expect(await at.output()).toBe('weights');
        expect(await readdir(join(allowed, 'models'))).toEqual(['one']);
        at.driver.forget(NAME);
        await at.driver.settled();
        expect(await readFile(join(allowed, 'models', 'one'), 'utf8')).toBe('weights');
      }));

    test('a part of the machine that its operator does not allow is refused, and nothing is made', () =>
      withFolder(async (at, allowed) => {
        const refused = [
          ['/etc', {}, /allows no mount of \/etc; its operator sets SHOAL_MOUNTS/],
          [join(allowed, 'models'), { readOnly: false }, /models for writing/],
          [join(allowed, 'out'), {}, /allows no mount/],
          [join(allowed, 'none'), {}, /there is no .*none on this node/],
        ] as const;
        for (const [source, more, why] of refused) {
          at.reports = [];
          mounted(at, source, more);
          await at.has('exited');
          expect(at.reports).toMatchObject([
            { kind: 'exited', message: expect.stringMatching(why) },
          ]);
          await at.driver.settled();
          expect(await remains(at)).toEqual([]);
        }
      }));

    held('memory above the limit ends it, and it is said why', () =>
      alone(async (at) => {
        const command = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1'];
        at.start(command, { limits: { memory: '16Mi' } });
        await at.has('exited');
        expect(at.exit).toMatchObject({
          message: 'ended by the kernel: more memory than its limit',
        });
      }),
    );

    test('an image that is not there, and must not be pulled, is said so at once', () =>
      alone(async (at) => {
        at.start(['true'], { image: 'no/such:1', pull: 'never' });
        await at.has('exited');
        expect(at.reports).toMatchObject([
          { kind: 'exited', message: 'image no/such:1 is not here, and pull is never' },
        ]);
      }));

    test('a registry that does not answer is a reason within seconds', () =>
      alone(async (at) => {
        // Nobody listens on port 1.
        at.start(['true'], { image: '127.0.0.1:1/no/such:1' });
        await at.has('exited');
        expect(at.reports.map(({ kind }) => kind)).toEqual(['preparing', 'exited']);
        const why = /^image 127\.0\.0\.1:1\/no\/such:1 cannot be pulled: .*(refused|said nothing)/;
        expect(at.exit).toMatchObject({ message: expect.stringMatching(why) });
      }));

    test('a registry that hangs is a reason within seconds, and a stop does not wait for it', () =>
      alone(async (at) => {
        const silent = createServer(() => undefined);
        await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
        try {
          const { port } = silent.address() as { readonly port: number };
          const image = `127.0.0.1:${port}/app:1`;
          at.start(['true'], { image });
          await at.has('exited');
          expect(at.exit).toMatchObject({
            message: expect.stringContaining('said nothing for 1 s'),
          });
          at.reports = [];
          at.start(['true'], { image }, 2);
          at.driver.stop({ name: NAME, run: 2, graceMs: 600_000 }, at.report);
          await at.has('exited');
          expect(at.exit).toMatchObject({
            ...{ run: 2, message: expect.stringContaining('told to stop') },
          });
        } finally {
          silent.close();
        }
      }));

    test('a port that somebody else took is a reason, and leaves no container', () =>
      alone(async (at) => {
        const taker = createServer();
        await new Promise<void>((resolve) => taker.listen(0, '127.0.0.1', resolve));
        try {
          const { port } = taker.address() as { readonly port: number };
          // Chosen while it was free: whoever is faster has it.
          const chosen = Object.assign(new Ports({ from: port, to: port }), {
            take: async () => ({ http: port }),
          });
          await at.reopen({ ports: chosen });
          at.start(['sleep', '300'], { ports: [{ name: 'http' }] });
          await at.has('exited');
          expect(at.reports).toMatchObject([{ message: expect.stringContaining(String(port)) }]);
          await at.driver.settled();
          expect(await remains(at)).toEqual([]);
        } finally {
          taker.close();
        }
      }));

    test('a container that somebody removes has ended', () =>
      alone(async (at) => {
        at.start(['sleep', '300']);
        await at.has('started');
        await on.engine().client.getContainer(at.container()).remove({ force: true });
        await at.has('exited');
        expect(at.exit).toMatchObject({ run: 1 });
      }));

    test('D5: what only the disk knows of is taken over; what only the engine knows of is removed', () =>
      alone(async (at) => {
        at.start(['sleep', '300']);
        await at.has('started');
        // What the one that is gone notes last may come in between.
        const folder = join(at.state, 'docker/instances', NAME);
        await at.reopen({}, () => rm(folder, { recursive: true, maxRetries: 5 }));
        expect(await at.driver.found(at.report)).toEqual([]);
        expect(await remains(at)).toEqual([]);
      }));

    test('an agent that died before its container was made, or was started, is told so', () =>
      alone(async (at) => {
        at.start(['sleep', '300'], {}, 3);
        await at.has('started');
        await at.reopen({}, () =>
          on.engine().client.getContainer(at.container(3)).remove({ force: true }),
        );
        at.reports = [];
        expect(await at.driver.found(at.report)).toMatchObject([{ run: 3, isReady: false }]);
        await at.has('exited');
        expect(at.exit).toMatchObject({ run: 3, message: 'its container is gone' });
      }));
  });
}
