/**
 * What must hold when an engine is killed and started again in the middle of everything: starts,
 * stops, pulls, commands and output, at three moments each.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { DockerDriver } from '../../../edge-agent/drivers/docker/driver.ts';
import type { Found, InstanceReport, StartInput } from '../../../edge-agent/jobs.ts';
import { type ContainerEngine, holdingsOf, IMAGE } from '../../support/container-engine.ts';
import { eventually } from '../../support/ports.ts';
import { startInput } from '../agent/driver-conformance.ts';

/** How long after what was asked the engine is killed, in milliseconds: early, in the middle, late. */
const KILLED_AFTER_MS = [5, 60, 180];
/** A start may fail once more, for what its engine says; not again and again. */
const RUNS_MAX = 4;
/** Longest until something is told of a start, in milliseconds: some acts of an engine that takes long. */
const TOLD_MS = 60_000;
/** It ends after the engine is back: an engine may lose the last lines of what ends without it. */
const PRINT = `trap 'echo end; exit 5' TERM; i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done`;

export interface Restarted {
  readonly engine: ContainerEngine;
  readonly driver: DockerDriver;
  /** An image that is not here, from a registry; undefined: none is pulled. */
  readonly pulled: string | undefined;
}

/** Kills the engine again and again; in the end nothing is left, lost, doubled or unsaid. */
export async function restartsInTheMiddle({ engine, driver, pulled }: Restarted): Promise<void> {
  const before = await holdingsOf(engine);
  const reports: InstanceReport[] = [];
  const report = (each: InstanceReport): void => void reports.push(each);
  const names = new Set<string>();
  const start = (instance: string, of: object, run = 1): void => {
    const input = startInput({ driver: 'docker', image: IMAGE, ...of }, run);
    names.add(`default.${instance}`);
    const own: StartInput = { ...input, name: `default.${instance}`, instance };
    driver.start(own, report);
  };
  const sleeping = { command: ['sleep', '300'] };
  const stop = (name: string, run: number): void => driver.stop({ name, run, graceMs: 0 }, report);
  /** What runs; asked again while the engine takes too long to say, as an agent does. */
  const found = async (): Promise<readonly Found[]> => {
    let all: readonly Found[] | undefined;
    const isSaid = async (): Promise<boolean> => {
      all = await driver.list(report).then(
        (listing) => listing.found,
        () => undefined,
      );
      return all !== undefined;
    };
    await eventually(isSaid, TOLD_MS, 'a list');
    return all ?? [];
  };
  const told = (kind: InstanceReport['kind'], name: string, run = 1) =>
    reports.filter((each) => each.kind === kind && each.name === name && each.run === run);

  start('prints', { command: ['sh', '-c', PRINT] });
  await driver.settled();
  expect(told('started', 'default.prints')).toHaveLength(1);
  for (const [round, killedAfterMs] of KILLED_AFTER_MS.entries()) {
    const here = [`a${round}`, `b${round}`];
    for (const each of here) start(each, sleeping);
    await driver.settled();
    const command = ['sleep', `${320 + round}.25`];
    const probe = { name: `default.a${round}`, run: 1, command, timeoutMs: 3_000 };
    const executed = driver.exec(probe);
    const late = [`c${round}`, `d${round}`, `e${round}`];
    for (const each of late) start(each, sleeping);
    if (pulled !== undefined) start(`pulls${round}`, { ...sleeping, image: pulled });
    stop(`default.b${round}`, 1);
    await new Promise((resolve) => setTimeout(resolve, killedAfterMs));
    await engine.kill('SIGKILL');
    await engine.start();
    expect((await executed).kind).not.toBe('ended');
    await driver.settled();
    for (const each of late) {
      const name = `default.${each}`;
      // It could not be started, and it was said why: the next run is asked for, as an agent does.
      let run = 1;
      const isTold = () => [...told('started', name, run), ...told('exited', name, run)].length > 0;
      const how = () => `${name}: ${JSON.stringify(reports.filter((of) => of.name === name))}`;
      for (; ; run++) {
        await eventually(isTold, TOLD_MS, `what became of run ${run}`).catch((error) => {
          throw new Error(`${error}; ${how()}`);
        });
        if (told('exited', name, run).length === 0) break;
        expect(run, how()).toBeLessThan(RUNS_MAX);
        start(each, sleeping, run + 1);
      }
      expect(told('started', name, run), how()).toHaveLength(1);
      // It is the only one.
      const label = [`shoal.name=${name}`];
      const all = await engine.client.listContainers({ filters: { label } });
      expect(all.map(({ Labels: labels }) => labels['shoal.run'])).toEqual([String(run)]);
    }
  }

  driver.stop({ name: 'default.prints', run: 1, graceMs: 20_000 }, report);
  await eventually(() => told('exited', 'default.prints').length > 0, TOLD_MS, 'the end of it all');
  expect(told('exited', 'default.prints')).toMatchObject([{ exitCode: 5 }]);
  const text = await readFile(join(driver.folder('default.prints'), 'stdout'), 'utf8');
  const lines = text.split('\n').slice(0, -2);
  expect(lines).toEqual(lines.map((_, index) => `${index}`));
  expect(text.endsWith('\nend\n')).toBe(true);
  for (const { name, run } of await found()) stop(name, run);
  await driver.settled();
  await eventually(async () => (await found()).length === 0, TOLD_MS, 'all ends');
  for (const name of names) {
    for (let run = 1; run <= RUNS_MAX; run++) {
      const [starts, ends] = [told('started', name, run), told('exited', name, run)];
      expect(starts.length, `${name} ${run} started`).toBeLessThanOrEqual(1);
      const isAsked = run === 1 || starts.length + ends.length > 0;
      // A stop of what is over is answered too: the one of b may be an answer of its own.
      if (isAsked) expect(ends.length, `${name} ${run} ended`).toBe(1);
    }
    driver.forget(name);
  }
  await driver.settled();
  await found();
  expect(await holdingsOf(engine, pulled)).toEqual(before);
}
