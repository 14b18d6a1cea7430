/** Who is attached gets a run's output from then on, to its last byte, and how it ended. */
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Live, SignalInput } from '../../../../edge-agent/drivers/driver.ts';
import { Ends } from '../../../../edge-agent/drivers/ends.ts';
import { BEHIND_BYTES_MAX, HeldOutput } from '../../../../edge-agent/logs/held-output.ts';
import { attach } from '../../../../edge-agent/sessions/attach.ts';
import { eventually } from '../../../support/ports.ts';

const name = 'default.web-1';
let folder: string;
let ends: Ends;
let held: HeldOutput;
let said: { out: string; err: string };
let signals: SignalInput[];
/** Resolves when what ended has all it printed in its files. */
let printed: Promise<void>;
/** While set, nothing is taken. */
let stuck: Promise<void> | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-test-attach-'));
  [ends, held, signals, stuck] = [new Ends(), new HeldOutput(), [], undefined];
  said = { out: '', err: '' };
  printed = Promise.resolve();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const print = (text: string, output = 'stdout') => appendFile(join(folder, output), text);
const exits = (run: number, exitCode: number) =>
  ends.note({ name, run, kind: 'exited', exitCode, signal: undefined, message: undefined });
const begun = (run = 1) =>
  attach(
    { name, run },
    {
      held,
      drivers: {
        folder: () => folder,
        whenEnded: (of, number, call) => ends.when(of, number, call),
        printed: () => printed,
        signal: (input) => void signals.push(input),
      },
    },
    {
      write: async (bytes, isError) => {
        said[isError ? 'err' : 'out'] += Buffer.from(bytes).toString();
        await stuck;
      },
    },
  );
async function live(run = 1): Promise<Live> {
  const answer = await begun(run);
  if (answer.kind !== 'live') throw new Error(JSON.stringify(answer));
  return answer.live;
}

describe('who is attached to a run', () => {
  test('gets both outputs from then on, apart, to the last byte, and its exit code', async () => {
    await print('before\n');
    const { ended } = await live();
    await print('one\n');
    await eventually(() => said.out === 'one\n', 5_000, 'what was printed');
    await print('no\n', 'stderr');
    const much = 'x'.repeat(300_000);
    await print(much);
    exits(1, 7);
    expect(await ended).toEqual({ exitCode: 7 });
    expect(said).toEqual({ out: `one\n${much}`, err: 'no\n' });
  });

  test('gets nothing of the run that follows it, however slowly it reads', async () => {
    let free: () => void = () => undefined;
    stuck = new Promise((resolve) => {
      free = resolve;
    });
    const { ended } = await live();
    await print('first');
    await eventually(() => said.out === 'first', 5_000, 'a part');
    await print(' run');
    exits(1, 1);
    await print('second run');
    free();
    expect(await ended).toEqual({ exitCode: 1 });
    expect(said.out).toBe('first run');
  });

  test('gets what comes after its end was told', async () => {
    let all: () => void = () => undefined;
    printed = new Promise((resolve) => {
      all = resolve;
    });
    const { ended } = await live();
    await print('first');
    exits(1, 1);
    await print(' and last');
    all();
    expect(await ended).toEqual({ exitCode: 1 });
    expect(said.out).toBe('first and last');
  });

  test('that is over already is refused', async () => {
    exits(1, 0);
    expect(await begun()).toEqual({ kind: 'unknown', message: 'nothing of it runs' });
    expect(held.emptiedTo(join(folder, 'stdout'), 99)).toBe(99);
  });

  test('sends signals to that run, but can tell it nothing', async () => {
    const { signal, tell, ended } = await live(3);
    signal('USR1');
    expect(signals).toEqual([{ name, run: 3, signal: 'USR1' }]);
    await tell(Buffer.from('x'));
    expect(await ended).toMatchObject({ refused: { code: 'session-unsupported' } });
  });

  test('keeps its output in the file until it has it; left too far behind it is told so', async () => {
    let free: () => void = () => undefined;
    stuck = new Promise((resolve) => {
      free = resolve;
    });
    const path = join(folder, 'stdout');
    const { ended } = await live();
    await print('first');
    await eventually(() => said.out === 'first', 5_000, 'a part');
    expect(held.emptiedTo(path, BEHIND_BYTES_MAX)).toBe(0);
    held.emptiedTo(path, BEHIND_BYTES_MAX + 6);
    await print('second');
    free();
    expect(await ended).toMatchObject({ refused: { code: 'session-broken' } });
    expect(said.out).toBe('first');
    // Its run may end later: that is nobody's business any more.
    exits(1, 0);
  });

  test('lets go of the files when it goes', async () => {
    const { end, ended } = await live();
    end();
    expect(await ended).toEqual({});
    expect(held.emptiedTo(join(folder, 'stderr'), 9)).toBe(9);
    exits(1, 0);
  });
});
