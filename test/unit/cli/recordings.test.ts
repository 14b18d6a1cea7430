import { describe, expect, test } from 'vitest';
import {
  copyTable,
  recordedText,
  replayReport,
  replayText,
} from '../../../cli/present/recordings.ts';
import type { Frame } from '../../../subjects/index.ts';
import { shoal } from './stub-gateway.ts';

const copies = [
  { copy: 'control-L1H4LFPY', isActing: true, recording: '8Q2Z6N4WJ1' },
  { copy: 'control-77AJ2QXE', isActing: false, recording: '1B7C0D' },
];

test('who records, and where it is heard', () => {
  expect(copyTable(copies, { actor: 'membership', forMs: 60_000 })).toMatchInlineSnapshot(`
    "COPY              STATE      RECORDING
    control-L1H4LFPY  acts       8Q2Z6N4WJ1
    control-77AJ2QXE  stands by  1B7C0D

    membership records for 1m: nats sub 'shoal.debug.membership'"
  `);
  const off = copies.map(({ copy, isActing }) => ({ copy, isActing }));
  expect(copyTable(off, { actor: 'membership', forMs: 0 })).toMatchInlineSnapshot(`
    "COPY              STATE      RECORDING
    control-L1H4LFPY  acts       -
    control-77AJ2QXE  stands by  -

    membership records no longer"
  `);
});

describe('what was recorded', () => {
  const frame = (seq: number, entry: Frame['entry']): Frame => ({
    ...{ recording: 'r', copy: 'control-1', seq, at: 1 },
    entry,
  });
  const step = (seq: number): Frame =>
    frame(seq, {
      ...{ kind: 'step', label: 'listen', about: '', id: 'x', attempts: 0, message: {} },
      ...{ now: 1, revision: 1, fence: 1, seed: 1, values: [], reads: {}, held: [], mine: [] },
      effects: [],
    });
  const of = { actor: 'membership', file: 'm.jsonl' };

  test('is whole when no frame is lost and it went on to its time', () => {
    const frames = [step(0), step(1), frame(2, { kind: 'ended', why: 'time' })];
    expect(recordedText(frames, of)).toEqual({
      summary: '2 steps of membership in m.jsonl',
      isWhole: true,
    });
  });

  test('says how many frames were lost on the way, and what ended it', () => {
    const frames = [step(0), step(3), frame(4, { kind: 'ended', why: 'size' })];
    expect(recordedText(frames, of)).toMatchInlineSnapshot(`
      {
        "isWhole": false,
        "summary": "2 steps of membership in m.jsonl; 2 frames lost on the way: what follows one cannot be replayed; control-1 ended early: it has said all a recording may",
      }
    `);
  });
});

test('what came of running it again', () => {
  const report = replayReport.parse({
    ok: true,
    recordings: [
      {
        ...{ recording: 'r1', copy: 'control-1', actor: 'membership', version: '0.1.0' },
        result: { steps: 41, skipped: 0, missing: 0 },
      },
      {
        ...{ recording: 'r2', copy: 'control-2', actor: 'scheduler', version: '0.1.0' },
        result: {
          ...{ steps: 7, skipped: 12, missing: 1 },
          first: {
            ...{ seq: 19, label: 'work.place', about: 'shoal.work.place.normal.default.web' },
            ...{ path: 'effects[0].puts[0].value.node', recorded: 'n1', now: 'n2' },
          },
        },
      },
      { recording: 'r3', copy: 'control-3', actor: 'painter', version: '0.1.0' },
    ],
  });
  expect(report.ok && replayText(report.recordings)).toMatchInlineSnapshot(`
    "membership of control-1: 41 steps, all decided the same
    scheduler of control-2: decides otherwise at frame 19, work.place shoal.work.place.normal.default.web; 1 frame missing, 12 steps after that not judged
      at        effects[0].puts[0].value.node
      recorded  "n1"
      now       "n2"
    painter of control-3: recording r3 cannot be run: no such actor, or no beginning"
  `);
});

describe('is refused before anything is asked', () => {
  test.each([
    ['debug on Scheduler', 'Expected the name of an actor'],
    ['debug on scheduler --for 11m', 'Expected more than nothing and at most 10m.'],
    ['debug record scheduler /nowhere/at/all', 'error: cannot write /nowhere/at/all (ENOENT'],
    ['debug replay /nowhere/at/all', 'error: cannot read /nowhere/at/all (ENOENT'],
  ])('%s', async (words, why) => {
    const ran = await shoal(undefined, words);
    expect(ran).toMatchObject({ code: 2, out: '', err: expect.stringContaining(why) });
  });
});
