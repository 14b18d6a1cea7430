/** What nobody can read is not gone: nothing that rests on it is ended, and others go on. */
import { beforeEach, describe, expect, test } from 'vitest';
import { scheduler } from '../../../actors/scheduler/actor.ts';
import { reconcile as lookAt } from '../../../actors/workload/reconcile.ts';
import { newState } from '../../../actors/workload/state.ts';
import { sweep } from '../../../actors/workload/sweep.ts';
import { address, instanceRecord, ledgerRecord, workloadRecord } from '../../../subjects/index.ts';
import { deleted, written } from '../../support/effects.ts';
import { addBound, addNode, addWorkload, instanceOf, workloadOf } from '../../support/records.ts';
import { service } from '../../support/specs.ts';
import { due, Stage } from '../../support/stage.ts';

describe('a record that nobody can read', () => {
  let stage: Stage;
  beforeEach(() => {
    stage = new Stage();
    addNode(stage, 'n1');
    addWorkload(stage, workloadOf('web', service(2)));
    for (const each of ['web-aaaaa', 'web-bbbbb']) addBound(stage, 'n1', instanceOf(each));
  });
  const rubbish = { revision: 1_000, reason: 'not application/json' };

  test('a workload: its instances run on as they are', () => {
    const tokens = { tenant: 'default', workload: 'web' };
    stage.put(workloadRecord, tokens, undefined);
    expect(lookAt('default.web', stage.context)).not.toEqual([]);
    stage.views.workloads.quarantine(address(workloadRecord, tokens), rubbish);
    expect(lookAt('default.web', stage.context)).toEqual([]);
  });

  test('an instance: it is not replaced, and its ledger keeps it', () => {
    const tokens = { tenant: 'default', instance: 'web-aaaaa' };
    stage.put(instanceRecord, tokens, undefined);
    expect(written(lookAt('default.web', stage.context), instanceRecord)).toHaveLength(1);
    expect(written(sweep(newState(), due(), stage.context), ledgerRecord)).toHaveLength(1);
    stage.views.instances.quarantine(address(instanceRecord, tokens), rubbish);
    expect(lookAt('default.web', stage.context)).toEqual([]);
    const swept = sweep(newState(), due(), stage.context);
    expect(written(swept, ledgerRecord)).toEqual([]);
    expect(deleted(swept, instanceRecord)).toEqual([]);
  });

  test('a ledger: its node takes no work until it is mended', () => {
    const actor = scheduler();
    const state = stage.stateOf(actor);
    const ledger = stage.views.ledgers.get({ node: 'n1' });
    if (!ledger) throw new Error('n1 has no ledger');
    stage.put(ledgerRecord, { node: 'n1' }, ledger);
    expect(state.table.row('n1')?.accepts).toBe('yes');
    const key = address(ledgerRecord, { node: 'n1' });
    stage.views.ledgers.quarantine(key, { ...rubbish, revision: stage.revision + 1 });
    stage.put(ledgerRecord, { node: 'n1' }, ledger);
    expect(state.table.row('n1')?.accepts).not.toBe('yes');
    stage.views.ledgers.clear(key, stage.revision + 1);
    stage.put(ledgerRecord, { node: 'n1' }, ledger);
    expect(state.table.row('n1')?.accepts).toBe('yes');
  });
});
