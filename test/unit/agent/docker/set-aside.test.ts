/** An archive is read to its end although whoever takes it pauses, and they get every byte of it in order. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SET_ASIDE_MS, setAside } from '../../../../edge-agent/drivers/docker/set-aside.ts';

let folder: string;
let isOpen: boolean;
let asked: number;
const demand = async (): Promise<void> => void asked++;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  folder = await mkdtemp(`${tmpdir()}/shoal-aside-`);
  [isOpen, asked] = [true, 0];
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true });
});

/** As an engine has it: open until all of it was read. `broken`: rejects after so many. */
async function* archive(count: number, broken = false): AsyncGenerator<Uint8Array> {
  for (let each = 0; each < count; each++) yield Buffer.alloc(50_000, each);
  isOpen = false;
  if (broken) throw new Error('the engine broke off');
}
const whole = (count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, each) => Buffer.alloc(50_000, each)));
async function taken(from: AsyncIterable<Uint8Array>, all: Buffer[] = []): Promise<Buffer> {
  for await (const chunk of from) all.push(Buffer.from(chunk));
  return Buffer.concat(all);
}
/** Lets what the disk has under way come to its end. */
async function closed(): Promise<void> {
  while (isOpen) await new Promise((resolve) => setImmediate(resolve));
}

test('who takes it without a pause gets it from the engine, and no disk is asked', async () => {
  const got = await taken(setAside(archive(20), { folder, demand }));
  expect(got.equals(whole(20))).toBe(true);
  expect(asked).toBe(0);
});

test('a pause in the middle does not hold the archive open, and costs no byte', async () => {
  const from = setAside(archive(100), { folder, demand });
  const all: Buffer[] = [];
  for (let each = 0; each < 3; each++) all.push(Buffer.from((await from.next()).value ?? []));
  await vi.advanceTimersByTimeAsync(SET_ASIDE_MS - 1);
  expect(isOpen).toBe(true);
  await vi.advanceTimersByTimeAsync(1);
  await closed();
  expect(asked).toBe(1);
  expect(await readdir(folder)).toEqual([]);
  const got = await taken(from, all);
  expect(got.equals(whole(100))).toBe(true);
});

test('an archive that breaks off is told after what came of it', async () => {
  const from = setAside(archive(10, true), { folder, demand });
  const all: Buffer[] = [Buffer.from((await from.next()).value ?? [])];
  await vi.advanceTimersByTimeAsync(SET_ASIDE_MS);
  await closed();
  await expect(taken(from, all)).rejects.toThrow('the engine broke off');
  expect(Buffer.concat(all).equals(whole(10))).toBe(true);
});

test('without room it ends with the reason', async () => {
  const full = () => Promise.reject(new Error('no room'));
  const from = setAside(archive(10), { folder, demand: full });
  await from.next();
  await vi.advanceTimersByTimeAsync(SET_ASIDE_MS);
  await expect(taken(from)).rejects.toThrow('no room');
});

test('whoever goes in the middle leaves nothing open', async () => {
  const from = setAside(archive(10), { folder, demand });
  await from.next();
  await from.return(undefined);
  expect(vi.getTimerCount()).toBe(0);
});
