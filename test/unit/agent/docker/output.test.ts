/** The last output of a container that ended is waited for while its engine answers, and no longer. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { beginOutput, OutputCopy } from '../../../../edge-agent/drivers/docker/output.ts';
import { RunFolder } from '../../../../edge-agent/drivers/run-folder.ts';
import { scriptedEngine } from '../../../support/scripted-engine.ts';

/** A line as the engine frames it. */
function framed(line: string): Buffer {
  const text = Buffer.from(`2026-11-22T00:00:00.000000000Z ${line}\n`);
  const head = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(text.length, 4);
  return Buffer.concat([head, text]);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

test.each([
  ['10 s apart come, though all take 50 s', 10_000, 5, 5],
  ['20 s apart do not: the engine does not answer', 20_000, 5, 1],
  ['10 s apart come for a minute', 10_000, 9, 6],
  ['2 s apart come for five seconds where all is ended', 2_000, 9, 3, 'before'],
  ['2 s apart come for five seconds from when all is ended', 2_000, 9, 3, 'meanwhile'],
])('lines %s', async (_what, apartMs, lines, come, hastened: string | undefined = undefined) => {
  const state = await mkdtemp(join(tmpdir(), 'shoal-output-'));
  const answers: ServerResponse[] = [];
  await using scripted = await scriptedEngine((_asked, response) => {
    response.writeHead(200).flushHeaders();
    answers.push(response);
  });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const folder = new RunFolder(state, 'web');
    await mkdir(folder.path, { recursive: true });
    await beginOutput(folder, 1);
    const copy = new OutputCopy(folder, 1, scripted.engine, 'web-1');
    copy.start();
    await until(async () => answers.length === 2);
    let isOver = false;
    if (hastened === 'before') copy.hasten();
    const finished = copy.finish().then(() => {
      isOver = true;
    });
    if (hastened === 'meanwhile') copy.hasten();
    const read = async () =>
      (await readFile(folder.output('stdout'), 'utf8')).split('\n').length - 1;
    for (let line = 1; line <= lines; line++) {
      for (const each of answers) each.write(framed(`${line}`));
      // Both outputs ask alike here: each line comes to both.
      await until(async () => isOver || (await read()) === line);
      await vi.advanceTimersByTimeAsync(apartMs);
    }
    // What is not waited for any more ends by itself.
    if (come < lines) await finished;
    expect(await read()).toBe(come);
    await copy.close();
    await finished;
  } finally {
    vi.useRealTimers();
    await rm(state, { recursive: true, force: true });
  }
});
