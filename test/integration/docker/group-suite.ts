/**
 * What containers of one instance make of their network, as one suite for engines of every make:
 * `groupSuite(name, on)`. What sidecars are to every driver: ../agent/sidecar-conformance.ts.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DockerDriver } from '../../../edge-agent/drivers/docker/driver.ts';
import type { InstanceReport } from '../../../edge-agent/jobs.ts';
import { type ContainerEngine, IMAGE } from '../../support/container-engine.ts';
import { eventually } from '../../support/ports.ts';
import { NAME, startInput } from '../agent/driver-fixture.ts';

const SIDE = `${NAME}.side`;
/** How long after a start its agent is killed, in milliseconds; and the engine, which takes longer to come back. */
const KILLED_AFTER_MS = [2, 40, 120, 300, 600];
const ENGINE_KILLED_AFTER_MS = [2, 120, 400];
/** An engine may take three times as long as it is given to act: to make, fill and start what holds a network. */
const HEARD_WITHIN_MS = 60_000;
/** Answers on a port of its own with its name, on every address of the network. */
const answering = (port: number, word: string) => [
  'sh',
  '-c',
  `busybox mkdir -p /www; echo ${word} > /www/index.html; exec busybox httpd -f -p ${port} -h /www`,
];
/** Until it answers: whoever was started before may not listen yet. */
const asking = (port: number) =>
  `until busybox wget -q -O- http://127.0.0.1:${port}/; do busybox sleep 0.1; done`;

export interface GroupsOn {
  engine(): ContainerEngine;
  readonly agent: string;
  /** Opens the driver over a folder, as an agent that is started (again). */
  open(state: string): Promise<DockerDriver>;
}

type Part = 'side' | 'program';

export function groupSuite(name: string, on: GroupsOn): void {
  describe(`${name}, with sidecars`, () => {
    let state: string;
    let driver: DockerDriver;
    let reports: InstanceReport[];
    let runs: number;

    beforeEach(async () => {
      state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
      driver = await on.open(state);
      reports = [];
      runs = 0;
    });
    afterEach(async () => {
      await driver.endAll(0);
      for (const part of [SIDE, NAME]) driver.forget(part);
      await driver.settled();
      driver.leave();
      await rm(state, { recursive: true, force: true, maxRetries: 5 });
      expect(await on.engine().remains()).toEqual([]);
    });

    const report = (each: InstanceReport): void => void reports.push(each);
    const nameOf = (part: Part) => (part === 'side' ? SIDE : NAME);
    const told = (part: Part, kind: InstanceReport['kind'], run: number) =>
      reports.find((each) => each.name === nameOf(part) && each.kind === kind && each.run === run);
    const hears = async (part: Part, kind: InstanceReport['kind'], run: number) => {
      const isTold = () => told(part, kind, run) !== undefined;
      await eventually(isTold, HEARD_WITHIN_MS, `${part} ${run} ${kind}`).catch((error) => {
        throw new Error(`${error}, after ${JSON.stringify(reports)}`);
      });
    };
    const base = { driver: 'docker', image: IMAGE, grace: '1s' };
    const spec = (command: readonly string[], more: object = {}, side: object = {}) => ({
      ...{ ...base, command, ports: [{ name: 'http', container: 80 }] },
      sidecars: [{ name: 'side', command: answering(81, 'side'), grace: '500ms', ...side }],
      ...more,
    });
    /** Asks for a part, and hears of nothing yet. */
    const begin = (part: Part, of: object): number => {
      const input = startInput(of, ++runs);
      driver.start(part === 'side' ? { ...input, name: SIDE, sidecar: 'side' } : input, report);
      return runs;
    };
    const start = async (part: Part, of: object): Promise<number> => {
      const run = begin(part, of);
      await hears(part, 'started', run);
      return run;
    };
    const stop = async (part: Part, run: number): Promise<void> => {
      driver.stop({ name: nameOf(part), run, graceMs: 0 }, report);
      await hears(part, 'exited', run);
    };
    const another = async () => {
      driver.leave();
      driver = await on.open(state);
      reports = [];
      return driver.found(report);
    };
    /** Compares with the engine, as an agent does that asks again when it takes too long. */
    const looks = () => driver.list(report).catch(() => undefined);
    const output = (part: Part) =>
      readFile(join(driver.folder(nameOf(part)), 'stdout'), 'utf8').catch(() => '');
    const inspect = (container: string) => on.engine().client.getContainer(container).inspect();
    const network = () => inspect(`shoal-${on.agent}-${NAME}-network`);
    const container = (part: Part, run: number) =>
      inspect(`shoal-${on.agent}-${nameOf(part)}-${run}`);
    /** Containers of the instance that run: their parts, and `network`. */
    const running = async (): Promise<readonly string[]> => {
      const label = ['shoal.instance=w-1'];
      const all = await on.engine().client.listContainers({ filters: { label } });
      return all.map(({ Labels: of }) => of['shoal.role'] ?? of['shoal.name'] ?? '').sort();
    };
    const portOf = (part: Part, run: number): number => {
      const found = told(part, 'started', run);
      return found?.kind === 'started' ? (found.ports['http'] ?? 0) : 0;
    };

    test('they share address and ports, and both stay whichever of them is started again', async () => {
      const of = spec(answering(80, 'program'));
      const side = await start('side', of);
      const program = await start('program', of);
      await hears('program', 'ready', program);
      const at = `http://127.0.0.1:${portOf('program', program)}/`;
      expect(await (await fetch(at)).text()).toBe('program\n');
      const before = await network();
      expect(before.Config.Labels).toMatchObject({
        ...{ 'shoal.holder': on.agent, 'shoal.role': 'network', 'shoal.name': NAME },
        ...{ 'shoal.tenant': 'default', 'shoal.workload': 'w', 'shoal.instance': 'w-1' },
      });
      const { HostConfig: own } = await container('program', program);
      expect(own.NetworkMode).toBe(`container:${before.Id}`);

      await stop('side', side);
      expect(await (await fetch(at)).text()).toBe('program\n');
      await start('side', of);
      await stop('program', program);
      const asks = `${asking(81)}; ${answering(80, 'again')[2]}`;
      const again = await start('program', { ...of, command: ['sh', '-c', asks] });
      await hears('program', 'ready', again);
      expect(await output('program')).toBe('side\n');
      expect(await (await fetch(at)).text()).toBe('again\n');
      expect((await network()).Id).toBe(before.Id);
    });

    test('steps before the program go through its sidecar, and without a network there is loopback', async () => {
      const init = [{ command: ['sh', '-c', asking(81)] }];
      const of = spec(['cat', '/proc/net/dev'], { init, network: 'none', ports: [] });
      await start('side', of);
      const program = begin('program', of);
      await hears('program', 'exited', program);
      const printed = await output('program');
      expect(printed.split('\n')[0]).toBe('side');
      const devices = printed.match(/^ *(eth|lo)[0-9]*(?=:)/gm)?.map((each) => each.trim());
      expect(devices).toEqual(['lo']);
    });

    test('each has its own limits, and what all of them write counts with the program', async () => {
      const fill = 'dd if=/dev/zero of=/big bs=65536 count=32 2>/dev/null; echo done; sleep 300';
      const of = spec(
        ['sh', '-c', fill],
        { limits: { memory: '32Mi', pids: 20, disk: '64Mi' } },
        { command: ['sh', '-c', fill], limits: { cpu: '250m', memory: '24Mi' } },
      );
      const [side, program] = [await start('side', of), await start('program', of)];
      const limits = async (part: Part, run: number) => (await container(part, run)).HostConfig;
      expect(await limits('program', program)).toMatchObject({
        ...{ Memory: 32 * 2 ** 20, PidsLimit: 20 },
      });
      expect(await limits('side', side)).toMatchObject({ Memory: 24 * 2 ** 20, CpuQuota: 25_000 });
      const isWritten = async () =>
        (await output('program')) === 'done\n' && (await output('side')) === 'done\n';
      await eventually(isWritten, 20_000, 'both to have written');
      const uses = await driver.uses();
      expect(uses.map((each) => each.name).sort()).toEqual([NAME, SIDE]);
      expect(uses.every(({ memoryBytes }) => memoryBytes > 0)).toBe(true);
      const written = uses.find((each) => each.name === NAME)?.diskBytes ?? 0;
      expect(written).toBeGreaterThanOrEqual(4 * 2 ** 20);
      expect(written).toBeLessThan(5 * 2 ** 20);
    });

    test('a network that ends takes all with it, with the reason, and comes again with the same ports', async () => {
      const of = spec(answering(80, 'program'));
      const [side, program] = [await start('side', of), await start('program', of)];
      const before = await network();
      await on.engine().client.getContainer(before.Id).kill({ signal: 'SIGKILL' });
      for (const [part, run] of [
        ['side', side],
        ['program', program],
      ] as const) {
        await hears(part, 'exited', run);
        const message = 'ended by its agent: the container that held its network is gone';
        expect(told(part, 'exited', run)).toMatchObject({ exitCode: undefined, message });
      }
      const port = portOf('program', program);
      await start('side', of);
      const again = await start('program', of);
      await hears('program', 'ready', again);
      expect(portOf('program', again)).toBe(port);
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('program\n');
      expect((await network()).Id).not.toBe(before.Id);
      expect(await running()).toEqual([NAME, SIDE, 'network']);
    });

    test('a network that ended while no agent looked is noticed by the next one', async () => {
      const of = spec(['sleep', '300']);
      const [side, program] = [await start('side', of), await start('program', of)];
      driver.leave();
      await on
        .engine()
        .client.getContainer((await network()).Id)
        .kill({ signal: 'SIGKILL' });
      expect(await another()).toHaveLength(2);
      await hears('side', 'exited', side);
      await hears('program', 'exited', program);
    });

    test('an agent that goes in the middle of a start leaves nothing that runs twice or on', async () => {
      const of = spec(['sleep', '300']);
      for (const part of ['side', 'program'] as const) {
        for (const afterMs of KILLED_AFTER_MS) {
          begin(part, of);
          await new Promise((resolve) => setTimeout(resolve, afterMs));
          // What it had begun goes on without it, as after a kill.
          const found = await another();
          const mine = found.filter((each) => each.name === nameOf(part));
          // As its runner does: what was found and has not ended goes on.
          await driver.list(report);
          await driver.settled();
          const over = mine.every(({ run }) => told(part, 'exited', run) !== undefined);
          const run = over ? await start(part, of) : (mine[0]?.run ?? 0);
          const others = part === 'side' ? [] : [NAME];
          expect(await running(), `${part} after ${afterMs} ms`).toEqual(
            [...others, SIDE, 'network'].sort(),
          );
          await stop(part, run);
          if (part === 'side') expect(await running()).toEqual([]);
        }
        if (part === 'side') await start('side', of);
      }
    });

    test('an engine that is killed in the middle of starts and ends leaves and doubles nothing', async () => {
      const of = spec(['sleep', '300']);
      for (const afterMs of ENGINE_KILLED_AFTER_MS) {
        const side = await start('side', of);
        const program = begin('program', of);
        await new Promise((resolve) => setTimeout(resolve, afterMs));
        await on.engine().kill('SIGKILL');
        await on.engine().start();
        await driver.settled();
        await looks();
        await driver.settled();
        // What could not be started was told so; then, as its runner does, it is started again.
        const isOver = () => told('program', 'exited', program) !== undefined;
        await eventually(
          () => isOver() || told('program', 'started', program) !== undefined,
          20_000,
          'whether it was started',
        );
        const last = isOver() ? await start('program', of) : program;
        expect(await running(), `after ${afterMs} ms`).toEqual([NAME, SIDE, 'network']);
        expect(told('side', 'exited', side)).toBeUndefined();
        await stop('program', last);
        driver.stop({ name: SIDE, run: side, graceMs: 0 }, report);
        await new Promise((resolve) => setTimeout(resolve, afterMs / 4));
        await on.engine().kill('SIGKILL');
        await on.engine().start();
        await hears('side', 'exited', side);
        await driver.settled();
        const isClear = async () => {
          await looks();
          return (await on.engine().remains()).length === 0;
        };
        await eventually(isClear, 30_000, 'nothing to be left');
        const starts = reports.filter((each) => each.kind === 'started');
        const key = (each: InstanceReport) => `${each.name} ${each.run}`;
        expect(new Set(starts.map(key)).size).toBe(starts.length);
      }
    });
  });
}
