/** A host name leads to one workload, also when two tenants ask for it in the same moment. */
import { expect, test } from 'vitest';
import { workload } from '../../../actors/workload/actor.ts';
import { routeRecord, wantedSchema, workloadApply } from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';

test('of two applies in flight one has it, the other one is told who', () => {
  const bench = new Bench();
  bench.join(workload());
  const answers = new Map<string, unknown>();
  const tenants = ['first', 'second'];
  for (const tenant of tenants) {
    const spec = { command: ['serve'], ports: [{ name: 'http' }], ingress: { host: 'a.test' } };
    const wanted = wantedSchema.parse({ kind: 'service', spec });
    const tokens = { tenant, workload: 'web' };
    const answered = (answer: unknown) => void answers.set(tenant, answer);
    bench.send(workloadApply, tokens, { wanted, mode: 'put' }, { answered });
  }
  bench.clock.runUntil(() => answers.size === 2, 30_000, 'both answers');
  expect([...answers]).toMatchObject([
    ['first', { ok: true, value: { change: 'created' } }],
    ['second', { ok: false, refusal: { code: 'host-taken' } }],
  ]);
  const routes = tenants.filter((tenant) => bench.stored(routeRecord, { tenant, host: 'a.test' }));
  expect(routes).toEqual(['first']);
});
