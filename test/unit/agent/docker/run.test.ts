/** How an end is told: soon, whatever the engine still has to say of it. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { beginOutput } from '../../../../edge-agent/drivers/docker/output.ts';
import { Run } from '../../../../edge-agent/drivers/docker/run.ts';
import { RunFolder } from '../../../../edge-agent/drivers/run-folder.ts';
import type { InstanceReport } from '../../../../edge-agent/jobs.ts';
import { NAME, startInput } from '../../../integration/agent/driver-fixture.ts';
import { eventually } from '../../../support/ports.ts';
import { say, scriptedEngine } from '../../../support/scripted-engine.ts';

const CONTAINER = 'shoal-n1-web-1';

const WITH_3 = { Running: false, Status: 'exited', ExitCode: 3 };

/**
 * A run whose container has ended, with 3 unless its engine says otherwise each time it is asked, and
 * whose engine keeps back what it printed.
 */
async function ended(
  act: (on: Ended) => Promise<void>,
  stateAt: (asked: number) => object = () => WITH_3,
): Promise<void> {
  let inspected = 0;
  const state = await mkdtemp(join(tmpdir(), 'shoal-run-'));
  let logs: ServerResponse[] | undefined = [];
  const sayLast = (): void => {
    for (const each of logs ?? []) each.end(framed('last'));
    logs = undefined;
  };
  await using scripted = await scriptedEngine((asked, response) => {
    if (asked.endsWith('/logs')) {
      response.writeHead(200);
      return void (logs ? logs.push(response) : response.end(framed('last')));
    }
    if (asked.startsWith('DELETE')) return void response.writeHead(204).end();
    say(response, 200, { State: stateAt(++inspected) });
  });
  const breakOff = async (): Promise<void> => {
    await eventually(() => logs?.length === 2, 5_000, 'both outputs to be asked for');
    for (const each of logs?.splice(0) ?? []) {
      each.write(framed('last').subarray(0, 20), () => each.destroy());
    }
  };
  const folder = new RunFolder(state, NAME);
  const reports: InstanceReport[] = [];
  const input = startInput({ driver: 'docker', image: 'app:1', command: ['true'] });
  const kept = { input, epoch: 3, address: '127.0.0.1', ports: {}, startedAt: 0 };
  try {
    await mkdir(folder.run(1), { recursive: true });
    await beginOutput(folder, 1);
    const run = new Run(kept, {
      ...{ engine: scripted.engine, folder, container: CONTAINER },
      report: (each) => void reports.push(each),
      ended: () => undefined,
      left: () => undefined,
      noneLeft: async () => undefined,
    });
    const told = () => reports.filter(({ kind }) => kind === 'exited');
    const isRemoved = () => scripted.asked.some((each) => each.startsWith('DELETE'));
    await act({ run, folder, breakOff, sayLast, told, isRemoved });
    await run.done;
    expect(told()).toHaveLength(1);
    expect(isRemoved()).toBe(true);
  } finally {
    await rm(state, { recursive: true, force: true });
  }
}

interface Ended {
  readonly run: Run;
  readonly folder: RunFolder;
  /** The engine says on both outputs what it kept back, to whoever asked or asks for it. */
  sayLast(): void;
  /** The engine dies while it says them, and is there again. */
  breakOff(): Promise<void>;
  told(): readonly InstanceReport[];
  isRemoved(): boolean;
}

/** A line as the engine frames it. */
function framed(line: string): Buffer {
  const text = Buffer.from(`2026-11-22T00:00:00.000000000Z ${line}\n`);
  const head = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(text.length, 4);
  return Buffer.concat([head, text]);
}

test('an end is told although its last output does not come; that is not lost, nor its container removed before', async () => {
  await ended(async ({ run, folder, sayLast, told, isRemoved }) => {
    run.started({ State: { Running: true, Pid: 7 } } as never);
    await run.look();
    expect(run.isOver).toBe(true);
    await eventually(() => told().length > 0, 5_000, 'its end');
    expect(told()).toMatchObject([{ exitCode: 3 }]);
    expect(isRemoved()).toBe(false);
    let isPrinted = false;
    const printed = run.printed.then(() => {
      isPrinted = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isPrinted).toBe(false);
    sayLast();
    await printed;
    expect(await readFile(folder.output('stdout'), 'utf8')).toBe('last\n');
  });
});

test('an engine that dies while it says the last output is asked for the rest', async () => {
  await ended(async ({ run, folder, breakOff, sayLast }) => {
    run.started({ State: { Running: true, Pid: 7 } } as never);
    await run.look();
    // What is asked before the end is followed, what is asked after it is not.
    await breakOff();
    await breakOff();
    sayLast();
    await run.printed;
    expect(await readFile(folder.output('stdout'), 'utf8')).toBe('last\n');
  });
});

test('an end that an earlier agent wrote down is told, and the output it had not fetched is', async () => {
  await ended(async ({ run, folder, sayLast, told }) => {
    run.adopt(null, { exitCode: 3, signal: undefined, message: undefined });
    await eventually(() => told().length > 0, 5_000, 'its end');
    sayLast();
    await run.printed;
    expect(await readFile(folder.output('stdout'), 'utf8')).toBe('last\n');
  });
});

test('a kill for memory is told as one, although the engine hears of that later than of the end', async () => {
  await ended(
    async ({ run, sayLast, told }) => {
      sayLast();
      run.started({ State: { Running: true, Pid: 7 } } as never);
      await run.look();
      await eventually(() => told().length > 0, 5_000, 'its end');
      const message = 'ended by the kernel: more memory than its limit';
      expect(told()).toMatchObject([{ signal: 'SIGKILL', message }]);
    },
    (asked) => ({ ...WITH_3, ExitCode: 137, OOMKilled: asked > 4 }),
  );
});
