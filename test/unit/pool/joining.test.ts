/** Who was told that it stands in line is served before who comes later, also while its place is not seen yet. */
import { expect, test } from 'vitest';
import { wait } from '../../../actors/pool/line.ts';
import { type Ctx, newState } from '../../../actors/pool/state.ts';
import { View } from '../../../actors/runtime/view.ts';
import {
  address,
  claimWait,
  instanceRecord,
  nodeRecord,
  observedRecord,
  poolRecord,
  type Slot,
  slotRecord,
  waitRecord,
  workloadRecord,
} from '../../../subjects/index.ts';
import { poolSpecOf } from '../../support/pooling.ts';
import { received } from '../../support/stage.ts';

const now = 1_767_225_600_000;
const tokens = { tenant: 'default', pool: 'demo' };
const last = { verb: 'ready', at: 1, message: '' };
const early = address(waitRecord, { ...tokens, place: 'early000000000' });

/** What a latecomer is told, with so many slots ready and somebody who was told to stand before. */
function latecomer(ready: number): string {
  const views = {
    ...{ pools: new View(poolRecord), slots: new View(slotRecord) },
    ...{ waits: new View(waitRecord), nodes: new View(nodeRecord) },
    ...{ workloads: new View(workloadRecord), instances: new View(instanceRecord) },
    observed: new View(observedRecord),
  };
  const meta = (revision: number) => ({ revision, writer: undefined, at: now, bytes: 1 });
  const pool = {
    ...{ ...{ tenant: 'default', name: 'demo', labels: {} }, generation: 1, templateGeneration: 1 },
    ...{ spec: poolSpecOf(), createdAt: 1, last },
  };
  views.pools.apply(address(poolRecord, tokens), pool, meta(1));
  const endpoint = { instance: 'i', epoch: 1, node: 'n1', address: '10.0.0.1', ports: {} };
  for (let each = 0; each < ready; each++) {
    const slot: Slot = {
      ...{ ...tokens, slot: `demo-${each}`, state: 'ready', generation: 1, createdAt: 1 },
      ...{ changedAt: 1, endpoint, last },
    };
    views.slots.apply(address(slotRecord, { ...tokens, slot: slot.slot }), slot, meta(2 + each));
  }
  const context = {
    ...{ now, clockSetMs: 0, views, id: () => 'x', random: () => 0, revision: 9, fence: 0 },
    ...{ isHeld: () => false, isMine: () => false },
  } as unknown as Ctx;
  const state = newState();
  state.heard.set(early, { at: now, againMs: 1_000 });
  const ask = received(claimWait, tokens, { place: 'late0000000000', wait: '1m' });
  return JSON.stringify(wait(state, ask, context));
}

test('the only slot is not for the latecomer, who stands second', () => {
  expect(latecomer(1)).not.toContain('claimed');
  expect(latecomer(1)).toContain('"position":2');
});

test('of two slots it has the one that is left', () => {
  expect(latecomer(2)).toContain('"claimed"');
});
