/**
 * A store that cannot take writes: who wants to change something is told why and what to do, what
 * runs goes on, and when the disk is well again so is the fabric, without a person.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DurabilityLevel, refusals } from '../../subjects/index.ts';
import { Disk, noDisk } from '../support/disk.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

const noMemory = await noDisk('inMemory');
const noFile = await noDisk('inFile');
const noSlow = await noDisk('slow');
if (noMemory) process.stderr.write(`skipped: a disk that fills (${noMemory})\n`);
if (noFile) process.stderr.write(`skipped: a disk that fails (${noFile})\n`);
if (noSlow) process.stderr.write(`skipped: a disk that is slow (${noSlow})\n`);

/** What a slow disk writes in a second: less than a fabric that does little wants of it. */
const WRITES_PER_SECOND = 20;

let folder: string;
let disk: Disk | undefined;
let under: FabricUnderTest;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-test-trouble-'));
});
afterEach(async () => {
  await under?.[Symbol.asyncDispose]();
  await disk?.[Symbol.asyncDispose]();
  disk = undefined;
  await rm(folder, { recursive: true, force: true });
});

const start = async (durability: DurabilityLevel): Promise<void> => {
  under = await fabricUnderTest(['n1', 'n2'], { isKept: true, folder, durability });
  await put('hello', 2);
  const isReady = async () =>
    (await running()).filter(({ phase }) => phase === 'ready').length === 2;
  await eventually(isReady, 20_000, 'two ready instances');
};

interface Put {
  readonly status: number;
  readonly code: string | undefined;
  readonly detail: string | undefined;
  readonly tookMs: number;
}

async function put(name: string, count = 0): Promise<Put> {
  const spec = { count, command: ['sleep', '600'], resources: { cpu: '10m', memory: '1Mi' } };
  const body = { apiVersion: 'shoal/v1', kind: 'service', metadata: { name }, spec };
  const began = performance.now();
  const response = await fetch(`${under.fabric.gatewayUrl}/api/v1/workloads/${name}`, {
    ...{ method: 'PUT', headers: { 'content-type': 'application/json' } },
    body: JSON.stringify(body),
  });
  const { code, detail } = (await response.json()) as { code?: string; detail?: string };
  return { status: response.status, code, detail, tookMs: performance.now() - began };
}

const get = async (path: string) => {
  const response = await fetch(`${under.fabric.gatewayUrl}${path}`);
  // biome-ignore lint/suspicious/noExplicitAny: as a caller sees it
  return { status: response.status, body: (await response.json()) as any };
};
const storeState = async () => (await get('/health')).body.store;
const names = async (): Promise<readonly string[]> =>
  (await get('/api/v1/workloads')).body.items.map((each: { name: string }) => each.name);

const running = async (): Promise<readonly { readonly pid: number; readonly phase: string }[]> =>
  (await get('/api/v1/instances?workload=hello')).body.items;

/** What hello runs as, by process; all of it lives. */
async function pids(): Promise<readonly number[]> {
  const found = (await running()).map((each) => each.pid).sort();
  for (const pid of found) process.kill(pid, 0);
  return found;
}

/** Puts one workload after the other until stopped; tells what was answered. */
class Writer implements AsyncDisposable {
  readonly acknowledged: string[] = [];
  readonly refused: Put[] = [];
  #isGoing = true;
  readonly #ended: Promise<void>;

  constructor() {
    this.#ended = this.#go();
  }

  async #go(): Promise<void> {
    for (let index = 0; this.#isGoing; index++) {
      const answer = await put(`w-${index}`);
      if (answer.status < 300) this.acknowledged.push(`w-${index}`);
      else this.refused.push(answer);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async stop(): Promise<void> {
    this.#isGoing = false;
    await this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

const lines = async (program: string, sentence: string): Promise<number> =>
  (await readFile(under.fabric.layout.log(program), 'utf8')).split(sentence).length - 1;

/** While writes flow, the store stops taking them, and takes them again. */
async function goesThrough(of: {
  readonly code: 'store-full' | 'store-read-only';
  readonly state: string;
  readonly says: string;
  break(): Promise<void>;
  mend(): Promise<void>;
}): Promise<void> {
  const before = await pids();
  expect(before).toHaveLength(2);
  await using writer = new Writer();
  await eventually(() => writer.acknowledged.length > 20, 20_000, 'writes to flow');
  await of.break();
  const isTold = () => writer.refused.some((each) => each.code === of.code);
  await eventually(isTold, 30_000, `a refusal with ${of.code}`);
  // From then on each is told the same, and soon: nobody waits for an actor that cannot write.
  const told = writer.refused.findIndex((each) => each.code === of.code);
  await eventually(() => writer.refused.length >= told + 6, 30_000, 'more refusals');
  const after = writer.refused.slice(told);
  expect(new Set(after.map(({ status, code }) => `${status} ${code}`))).toEqual(
    new Set([`503 ${of.code}`]),
  );
  expect(writer.refused.map((each) => each.code)).not.toContain('conflict-persistent');
  expect(refusals[of.code].operator).toContain('docs/how-to/store-trouble.md');
  await eventually(async () => (await storeState()).state === of.state);
  expect((await storeState()).message).toContain(of.says);
  expect(Date.parse((await storeState()).since)).toBeGreaterThan(Date.now() - 60_000);
  // Reads go on, and so does what runs.
  expect(await names()).toEqual(expect.arrayContaining(['hello', ...writer.acknowledged]));
  expect(await pids()).toEqual(before);
  expect(await lines('control', of.says)).toBe(1);

  const count = writer.acknowledged.length;
  await of.mend();
  await eventually(() => writer.acknowledged.length > count + 5, 60_000, 'writes to flow again');
  await writer.stop();
  await eventually(async () => (await storeState()).state === 'well');
  expect(await names()).toEqual(expect.arrayContaining(['hello', ...writer.acknowledged]));
  expect(await pids()).toEqual(before);
  await eventually(() => under.ready('hello').length === 2, 20_000, 'both to be seen ready');
  // And the whole way is open: what is wanted now is run.
  expect((await put('late', 1)).status).toBe(201);
  await eventually(() => under.ready('late').length === 1, 30_000, 'new work to run');
}

describe.skipIf(noMemory)('a disk that fills', () => {
  test('is told to whoever writes, and with room again everything goes on', async () => {
    const full = await Disk.inMemory(join(folder, 'nats'), 48);
    disk = full;
    await start('process');
    await goesThrough({
      ...{ code: 'store-full', state: 'full', says: 'the disk of the store is full' },
      break: () => full.fill(),
      mend: () => full.free(),
    });
    expect(under.fabric.child('nats').restarts).toBeGreaterThan(0);
  });
});

describe.skipIf(noFile)('a disk that fails', () => {
  test('is read-only, which is told; mounted anew, everything goes on', async () => {
    const failing = await Disk.inFile(join(folder, 'nats'), join(folder, 'image'), 64);
    disk = failing;
    // What the disk had not taken is lost with it, as with a loss of power.
    await start('power');
    await goesThrough({
      ...{
        code: 'store-read-only',
        state: 'read-only',
        says: 'the disk of the store is read-only',
      },
      break: () => failing.failReadOnly(),
      mend: async () => {
        under.fabric.child('nats').restart(1_000);
        await failing.mountAnew();
      },
    });
  });
});

describe.skipIf(noSlow)('a disk that is slow', () => {
  test('is told once, with figures, and taken back; nothing is lost or done twice', async () => {
    const slow = await Disk.inFile(join(folder, 'nats'), join(folder, 'image'), 64);
    disk = slow;
    // Each write waits for the disk.
    await start('power');
    const before = await pids();
    await using writer = new Writer();
    await eventually(() => writer.acknowledged.length > 20, 20_000, 'writes to flow');
    const server = under.fabric.child('nats').pid as number;
    await slow.slowDown(server, WRITES_PER_SECOND);
    const isSlow = async () => (await lines('control', 'the store answers slowly')) > 0;
    await eventually(isSlow, 60_000, 'the control plane to say so');
    await eventually(async () => (await storeState()).state === 'slow', 30_000, '/health');
    expect((await storeState()).message).toMatch(
      /in \d+ of the last 10 seconds an answer took 250 ms or more/,
    );
    await slow.quicken(server);
    const isSaid = async () => (await lines('control', 'takes writes again; it was slow')) > 0;
    await eventually(isSaid, 60_000, 'the control plane to take it back');
    expect(await lines('control', 'the store answers slowly')).toBe(1);
    await eventually(async () => (await storeState()).state === 'well', 30_000, '/health');
    const count = writer.acknowledged.length;
    await eventually(() => writer.acknowledged.length > count + 5, 60_000, 'writes to flow again');
    await writer.stop();
    const found = (await names()).filter((each) => each.startsWith('w-'));
    expect(found).toEqual(expect.arrayContaining(writer.acknowledged));
    expect(new Set(found).size).toBe(found.length);
    expect(await pids()).toEqual(before);
    expect(under.fabric.child('nats').restarts).toBe(0);
  });
});
