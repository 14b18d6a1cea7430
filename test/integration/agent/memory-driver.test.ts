/** The memory driver: what every driver promises, in its own words, and what is its own. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { silentLog } from '../../../actors/runtime/log.ts';
import { Devices } from '../../../edge-agent/drivers/devices.ts';
import { Given } from '../../../edge-agent/drivers/given.ts';
import { type Memory, MemoryDriver } from '../../../edge-agent/drivers/memory/driver.ts';
import { Ports } from '../../../edge-agent/drivers/ports.ts';
import type { InstanceReport } from '../../../edge-agent/jobs.ts';
import { eventually } from '../../support/ports.ts';
import {
  conformance,
  type Doing,
  type DriverFixture,
  NAME,
  startInput,
} from './driver-conformance.ts';

const RESOURCES = { cpu: '300m', memory: '32Mi' };
const inWords = (doing: Doing): readonly string[] =>
  doing.flatMap(([what, of]) =>
    of === undefined ? [what] : [what, what === 'wait' ? `${of}ms` : String(of)],
  );
const openIn = (state: string, memory: Memory) => {
  const given = new Given(new Ports({ from: 22_000, to: 22_999 }), new Devices([]));
  return MemoryDriver.open({ state, address: '127.0.0.1', given }, memory, silentLog);
};

const fixture = async (): Promise<DriverFixture> => {
  const state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
  // What runs outlives its agent here, as an engine does: of an agent's process it is a part.
  const memory: Memory = new Map();
  return {
    open: () => openIn(state, memory),
    spec: { driver: 'memory', resources: RESOURCES },
    listener: ['wait', '400ms', 'listen', 'run'],
    missing: /knows no no-such-program/,
    keepsSteps: true,
    findsAll: true,
    ended: () => eventually(() => memory.get(NAME)?.end !== undefined, 10_000, 'the end'),
    remains: async () => [...memory.keys(), ...(await readdir(join(state, 'memory', 'instances')))],
    inMemory: {
      command: inWords,
      isRunning: () => memory.get(NAME)?.end === undefined && memory.has(NAME),
      kill: () => memory.get(NAME)?.kill(),
    },
    [Symbol.asyncDispose]: () => rm(state, { recursive: true, force: true, maxRetries: 5 }),
  };
};
/** What it cannot be held to: what takes a program, a file or a process of the machine. */
conformance('the memory driver', fixture, {
  'a command is run without a shell, with its environment and port': 'no program reads them',
  'much that it prints is in its files to the last byte, which ends no line': 'it says whole lines',
  'is run with the environment of the program, and without another shell': 'no program reads it',
  'may make the program, where both are in one folder': 'it has no files',
  'runs in the environment and folder of its instance': 'no program reads them',
  'is ended in time with all its children, and leaves none when it ends': 'it has no processes',
});

test.each([
  [['wait', 'long'], /long is no time, e.g. 2s/],
  [['exit', '256'], /256 is no exit code from 0 to 255/],
  [['say'], /say is the last word, and says nothing/],
])('%j is refused with what is wrong with it', async (command, why) => {
  const state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
  const driver = await openIn(state, new Map());
  const reports: InstanceReport[] = [];
  driver.start(startInput({ driver: 'memory', command }), (each) => reports.push(each));
  await driver.settled();
  expect(reports).toMatchObject([{ kind: 'exited', message: expect.stringMatching(why) }]);
  await rm(state, { recursive: true, force: true, maxRetries: 5 });
});

test('two thousand instances run at once, and all end', async () => {
  const state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
  const memory: Memory = new Map();
  const driver = await openIn(state, memory);
  const reports: InstanceReport[] = [];
  const names = Array.from({ length: 2_000 }, (_, index) => `default.many-${index}`);
  for (const name of names) {
    const input = { ...startInput({ driver: 'memory', command: ['run'] }), name };
    driver.start(input, (each) => reports.push(each));
  }
  await driver.settled();
  expect((await driver.list(() => undefined)).found).toHaveLength(2_000);
  await driver.endAll(1_000);
  expect(reports.filter(({ kind }) => kind === 'exited')).toHaveLength(2_000);
  for (const name of names) driver.forget(name);
  await driver.settled();
  expect(memory.size).toBe(0);
  expect(await readdir(join(state, 'memory', 'instances'))).toEqual([]);
  await rm(state, { recursive: true, force: true, maxRetries: 5 });
});

test('a command that does not hear is over with the run it is beside', async () => {
  const state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
  const memory: Memory = new Map();
  const driver = await openIn(state, memory);
  const reports: InstanceReport[] = [];
  driver.start(startInput({ driver: 'memory', command: ['run'] }), (each) => reports.push(each));
  await driver.settled();
  const command = ['deaf', 'run'];
  const executed = driver.exec({ name: NAME, run: 1, command, timeoutMs: 60_000 });
  memory.get(NAME)?.kill();
  expect(await executed).toMatchObject({ kind: 'unknown', message: 'the instance ended before' });
  await rm(state, { recursive: true, force: true, maxRetries: 5 });
});
