/** When a slot's workload is asked for again: by a clock that nobody sets. */
import { expect, test } from 'vitest';
import { type Ctx, newState } from '../../../actors/pool/state.ts';
import { ask, askInMs, deleted } from '../../../actors/pool/workloads.ts';
import { View } from '../../../actors/runtime/view.ts';
import {
  address,
  poolRecord,
  refusal,
  slotRecord,
  workloadRecord,
} from '../../../subjects/index.ts';
import { workloadOf } from '../../support/records.ts';
import { service } from '../../support/specs.ts';
import { due } from '../../support/stage.ts';

const HOUR_MS = 3_600_000;
const now = 1_767_225_600_000;
const key = address(slotRecord, { tenant: 'default', pool: 'demo', slot: 'demo-1' });

/** A step at this time of day, on a clock that was set by so much since the process began. */
function at(timeMs: number, clockSetMs: number): Ctx {
  const views = {
    ...{ pools: new View(poolRecord), slots: new View(slotRecord) },
    workloads: new View(workloadRecord),
  };
  const left = { ...workloadOf('demo-1', service(1)), owner: { pool: 'demo' } };
  const meta = { revision: 1, writer: undefined, at: now, bytes: 1 };
  const place = address(workloadRecord, { tenant: 'default', workload: 'demo-1' });
  views.workloads.apply(place, left, meta);
  return { now: timeMs, clockSetMs, views, random: () => 0, revision: 1 } as unknown as Ctx;
}

test.each([
  ['a yes that is not seen yet', { ok: true, value: {} } as const],
  ['a no', { ok: false, refusal: refusal('actor-unavailable', 'away') } as const],
])('after %s on a clock that was an hour ahead, a second later', (_what, answer) => {
  const state = newState();
  const ahead = at(now + HOUR_MS, HOUR_MS);
  const [asked] = ask(state, due(key), ahead);
  const { memo } = asked as unknown as { readonly memo: unknown };
  deleted(state, { answer, memo } as never, ahead);
  expect(askInMs(state, key, ahead)).toBe(1_000);
  // Set right again.
  expect(askInMs(state, key, at(now + 400, 0))).toBe(600);
});
