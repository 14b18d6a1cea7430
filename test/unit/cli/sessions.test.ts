import { expect, test } from 'vitest';
import { refused, StubGateway, shoal } from './stub-gateway.ts';

const item = {
  ...{ session: 'g-8Q2Z6N4WJ1', tenant: 'default', instance: 'web-1', sidecar: 'side', node: 'n1' },
  ...{ kind: 'exec', what: 'sh -i', caller: '10.0.0.9', openedAt: new Date().toISOString() },
  ...{ saidBytes: 2_048, toldBytes: 12 },
};

test('open sessions, for people and for programs, and whose are not known', async () => {
  await using stub = await StubGateway.start({
    'GET /api/v1/sessions': { body: { items: [item], silent: ['n3'], revision: 4 } },
  });
  const { out, err } = await shoal(stub, 'sessions ls');
  expect(out).toMatch(/^SESSION +INSTANCE +NODE +CALLER +AGE +OUT +IN +WHAT\n/);
  expect(out).toMatch(/g-8Q2Z6N4WJ1 +web-1\/side +n1 +10\.0\.0\.9 +\d+s +2Ki +12 +exec sh -i\n$/);
  expect(err).toContain('what these nodes carry is not known: n3');
  const { out: json } = await shoal(stub, 'sessions ls --json');
  expect(JSON.parse(json).items).toEqual([item]);
});

test('none says so', async () => {
  await using stub = await StubGateway.start({
    'GET /api/v1/sessions': { body: { items: [], silent: [], revision: 4 } },
  });
  expect(await shoal(stub, 'sessions ls --node n1')).toMatchObject({
    ...{ code: 0, out: 'no open sessions\n', err: '' },
  });
});

test('each that is named is ended, up to one that is not there', async () => {
  await using stub = await StubGateway.start({
    'DELETE /api/v1/sessions/a-1': { body: { session: 'a-1', node: 'n1' } },
    'DELETE /api/v1/sessions/a-2': refused('session-not-found', 'no session a-2'),
  });
  const { code, out, err } = await shoal(stub, 'sessions end a-1 a-2');
  expect([code, out]).toEqual([1, 'session a-1 is ended\n']);
  expect(err).toContain('no session a-2');
});
