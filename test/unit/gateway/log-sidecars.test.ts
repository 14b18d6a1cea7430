/** A name of a sidecar is known where a version of its workload, or an instance, has it. */
import { expect, test } from 'vitest';
import type { Known } from '../../../gateway/known.ts';
import { noSuchSidecar } from '../../../gateway/logs/sidecars.ts';

const having = (...names: readonly string[]) => ({ sidecars: names.map((name) => ({ name })) });
const known = (now: readonly string[], before: readonly string[], seen: readonly string[]) =>
  ({
    workloads: { get: () => ({ spec: having(...now) }) },
    revisions: { by: () => [{ value: { spec: having(...before) } }] },
    seeAll: () => [{ observed: having(...seen) }, { observed: undefined }],
  }) as unknown as Known;
const of = { tenant: 'default', workload: 'web' };

test.each([
  ['the present version', known(['proxy'], [], [])],
  ['a version before', known([], ['proxy'], [])],
  ['an instance of a version that is forgotten', known([], [], ['proxy'])],
])('%s has it', (_, there) => {
  expect(noSuchSidecar(there, of, 'proxy')).toBeUndefined();
});

test('a name nobody has is refused with those there are', () => {
  expect(noSuchSidecar(known(['proxy'], ['proxy', 'old'], ['shipper']), of, 'proxi')).toMatchObject(
    {
      code: 'sidecar-not-found',
      detail: 'web has no sidecar proxi; there is proxy, old, shipper',
    },
  );
  expect(noSuchSidecar(known([], [], []), of, 'proxy')).toMatchObject({
    detail: 'web has no sidecar proxy; there is none',
  });
});
