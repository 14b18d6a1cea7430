/** How the store is: read from what its servers say and how long its answers take. */
import { describe, expect, test } from 'vitest';
import {
  refusalOf,
  type ServerHealth,
  type StoreState,
  sentenceAbout,
  storeState,
  WINDOW_MS,
} from '../../../actors/runtime/store-state.ts';

const well: StoreState = { kind: 'well' };
const server = (more: Partial<ServerHealth> = {}): ServerHealth => {
  return { server: 'a', error: undefined, bytes: 10, bytesMax: 1_000, ...more };
};
const at = 100_000;
const took = (...times: number[]) => times.map((tookMs) => ({ at, tookMs }));
const state = (
  of: { servers?: readonly ServerHealth[] | undefined; answers?: ReturnType<typeof took> },
  before: StoreState = well,
) => storeState({ servers: [server()], answers: [], now: at, ...of }, before);

const full = 'stream write error: write 1.blk: no space left on device';

describe('what servers say', () => {
  test.each([
    [full, 'full', 'store-full'],
    ['write 1.blk: read-only file system', 'read-only', 'store-read-only'],
    ['write 1.blk: input/output error', 'failed', 'store-unavailable'],
  ] as const)('%s', (error, kind, code) => {
    const found = state({ servers: [server({ error })] });
    expect(found).toEqual({ kind, detail: `a: ${error}` });
    expect(refusalOf(found)).toEqual({ code, detail: `a: ${error}` });
    expect(sentenceAbout(found)).toContain(error);
  });

  test('as much as it may hold is a limit, less is not', () => {
    const found = state({ servers: [server({ bytes: 990 })] });
    expect(found).toEqual({ kind: 'limit', detail: 'a: 990 of max_file_store 1000' });
    expect(refusalOf(found)?.code).toBe('store-limit-reached');
    expect(state({ servers: [server({ bytes: 989 })] })).toEqual(well);
    expect(state({ servers: [server({ bytes: undefined })] })).toEqual(well);
  });

  test('one of three that ails stops nothing, two do', () => {
    const ill = server({ server: 'b', error: full });
    expect(state({ servers: [server(), server(), ill] })).toEqual(well);
    expect(state({ servers: [server(), ill, ill] }).kind).toBe('full');
  });

  test('nobody who answers is no reason to refuse: it may be a restart', () => {
    expect(state({ servers: undefined }).kind).toBe('silent');
    expect(state({ servers: [] }).kind).toBe('silent');
    expect(refusalOf({ kind: 'silent' })).toBeUndefined();
  });
});

describe('how long answers take', () => {
  /** One answer in each of the last seconds. */
  const each = (seconds: number, tookMs: number) =>
    Array.from({ length: seconds }, (_, index) => ({ at: at - index * 1_000, tookMs }));
  const slow: StoreState = { kind: 'slow', seconds: 8, slowestMs: 900 };

  test('long ones in half of the last seconds are slow, however many fast ones there were', () => {
    const fast = took(...Array(500).fill(1));
    const found = state({ answers: [...each(5, 250), ...took(1_000), ...fast] });
    expect(found).toEqual({ kind: 'slow', seconds: 5, slowestMs: 1_000 });
    expect(sentenceAbout(found)).toMatch(/in 5 of the last 10 seconds .* slowest 1000 ms$/);
    expect(refusalOf(found)).toBeUndefined();
  });

  test('one bad moment is not, however many answers it held up', () => {
    expect(state({ answers: [...each(4, 900), ...took(...Array(50).fill(900))] })).toEqual(well);
    expect(state({ answers: each(10, 249) })).toEqual(well);
  });

  test('is over only when they are clearly fewer, or nobody writes any more', () => {
    expect(state({ answers: each(2, 300) }, slow)).toEqual({ ...slow, seconds: 2, slowestMs: 300 });
    expect(state({ answers: each(1, 300) }, slow)).toEqual(well);
    expect(state({ answers: [] }, slow)).toEqual(well);
  });

  test('counts only what is recent', () => {
    const now = at + WINDOW_MS + 1;
    const answers = each(9, 900);
    expect(storeState({ servers: [server()], answers, now }, well)).toEqual(well);
  });
});
