/** What keeps copies apart: only instances that live, or will, count. */
import { expect, test } from 'vitest';
import { countsOf } from '../../../actors/scheduler/counts.ts';
import { addInstance, instanceOf } from '../../support/records.ts';
import { Stage } from '../../support/stage.ts';

test('instances of the workload are counted by node, those that live', () => {
  const stage = new Stage();
  const on = (id: string, node: string, more = {}) =>
    addInstance(stage, instanceOf(id, { node, epoch: 1, ...more }));
  on('web-1', 'n1');
  on('web-2', 'n1');
  on('web-3', 'n2');
  on('other-1', 'n1');
  on('web-4', 'n1', { tenant: 'elsewhere' });
  on('web-5', 'n1', { intent: 'stop' });
  on('web-6', 'n1', { outcome: { result: 'failed', at: 0, message: '' } });
  addInstance(stage, instanceOf('web-7'));
  expect([...countsOf('default.web', stage.context)]).toEqual([
    ['n1', 2],
    ['n2', 1],
  ]);
  expect(countsOf('default.none', stage.context).size).toBe(0);
});
