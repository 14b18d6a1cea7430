/** What an agent knew of a run by its probes is known to the next, of that run only. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { note, noted } from '../../../../edge-agent/probes/noted.ts';

test('the last that was noted is read; of another run, damaged or absent it is nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-noted-'));
  try {
    expect(await noted(folder, 1)).toBeUndefined();
    const of = { name: 'default.web-1', run: 1, isStarted: true };
    note(folder, { ...of, isReady: false });
    note(folder, { ...of, isReady: true });
    expect(await noted(folder, 1)).toEqual({ isStarted: true, isReady: true });
    expect(await noted(folder, 2)).toBeUndefined();
    await writeFile(join(folder, 'probed.json'), '{"run":1,');
    expect(await noted(folder, 1)).toBeUndefined();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  note(folder, { name: 'default.web-1', run: 1, isStarted: true, isReady: true });
  expect(await noted(folder, 1)).toBeUndefined();
});
