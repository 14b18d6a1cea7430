/** Looks at what instances have written: few at a time, waited for a while only, and never too little. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { bytesBelow, diskBytesOf, type Written } from '../../../edge-agent/drivers/disk-use.ts';
import type { Kept } from '../../../edge-agent/drivers/run-folder.ts';

const GI = 2 ** 30;
/** A run whose spec allows 1Gi. */
const run = (): Kept =>
  ({ input: { spec: { spec: { limits: { disk: '1Gi' } } } } }) as unknown as Kept;

describe('what a run has written', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('is looked at of two at a time, however many there are', async () => {
    let underWay = 0;
    let most = 0;
    const look = async (): Promise<Written> => {
      most = Math.max(most, ++underWay);
      await vi.advanceTimersByTimeAsync(10);
      underWay--;
      return { bytes: 1, isAll: true };
    };
    const all = await Promise.all(Array.from({ length: 20 }, () => diskBytesOf(run(), look)));
    expect(all).toEqual(Array.from({ length: 20 }, () => 1));
    expect(most).toBe(2);
  });

  test('is waited for a while, then it is what was known; one look at a time', async () => {
    let begun = 0;
    let end: (written: Written) => void = () => undefined;
    const slow = (): Promise<Written> => {
      begun++;
      return new Promise((resolve) => {
        end = resolve;
      });
    };
    const one = run();
    const asked = async (): Promise<number | undefined> => {
      const answer = diskBytesOf(one, slow);
      await vi.advanceTimersByTimeAsync(5_000);
      return answer;
    };
    expect(await asked()).toBeUndefined();
    expect(await asked()).toBeUndefined();
    expect(begun).toBe(1);
    end({ bytes: 5, isAll: true });
    await vi.advanceTimersByTimeAsync(0);
    // It took ten seconds, so it rests for two hundred.
    expect([await asked(), begun]).toEqual([5, 1]);
    await vi.advanceTimersByTimeAsync(200_000);
    expect([await asked(), begun]).toEqual([5, 2]);
    end({ bytes: 6, isAll: true });
    await vi.advanceTimersByTimeAsync(0);
    expect(await asked()).toBe(6);
  });

  test.each<readonly [string, Written | Error, number | undefined]>([
    ['all of it', { bytes: GI / 2, isAll: true }, GI / 2],
    ['part of it, too much', { bytes: 2 * GI, isAll: false }, 2 * GI],
    ['part of it, within the limit', { bytes: GI / 2, isAll: false }, undefined],
    ['nothing', new Error('no du'), undefined],
  ])('where a look saw %s', async (_what, found, told) => {
    const look = async () => {
      if (found instanceof Error) throw found;
      return found;
    };
    expect(await diskBytesOf(run(), look)).toBe(told);
  });
});

describe('du', () => {
  const path = process.env['PATH'];
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shoal-du-'));
  });
  afterEach(async () => {
    process.env['PATH'] = path;
    await rm(folder, { recursive: true, force: true });
  });
  const saying = async (...lines: readonly string[]): Promise<void> => {
    await writeFile(join(folder, 'du'), ['#!/bin/sh', ...lines].join('\n'));
    await chmod(join(folder, 'du'), 0o755);
    process.env['PATH'] = `${folder}:${path}`;
  };

  test('counts what is there', async () => {
    await writeFile(join(folder, 'much'), Buffer.alloc(1_000_000, 'x'));
    const { bytes, isAll } = await bytesBelow([folder]);
    expect(isAll).toBe(true);
    expect(bytes).toBeGreaterThanOrEqual(1_000_000);
  });

  test.each([
    [
      'went meanwhile: it is all the same',
      ['echo "du: cannot access \'a/b\': No such file or directory" >&2'],
      true,
    ],
    [
      'cannot be read: there is more',
      ['echo "du: cannot read directory \'a/b\': Permission denied" >&2'],
      false,
    ],
  ])('what %s', async (_what, complaint, isAll) => {
    await saying(...complaint, 'printf "4\\ta\\n"', 'exit 1');
    expect(await bytesBelow(['a'])).toEqual({ bytes: 4096, isAll });
  });

  test('one that is ended early has not seen all', async () => {
    await saying('printf "4\\ta\\n"', 'kill -TERM $$');
    expect(await bytesBelow(['a', 'b'])).toEqual({ bytes: 4096, isAll: false });
  });

  test('without a word there is no answer', async () => {
    await saying('exit 1');
    await expect(bytesBelow(['a'])).rejects.toThrow('du');
  });
});
