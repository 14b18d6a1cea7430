/** Sessions that are open: their nodes are asked, only those that matter, and each is ended where it is. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Ports, RequestOutcome } from '../../../actors/runtime/ports.ts';
import { apiServer } from '../../../gateway/http/server.ts';
import { OpenedSessions } from '../../../gateway/sessions/opened.ts';
import { Hand, insideOf, instanceOf } from './behind.ts';

const opened = (session: string, openedAt: number, instance = 'web-1') => ({
  ...{ session, tenant: 'default', instance, kind: 'exec', what: 'sh' },
  ...{ openedAt, saidBytes: 5, toldBytes: 7 },
});
const answers = (value: unknown): RequestOutcome => ({
  kind: 'answer',
  body: Buffer.from(JSON.stringify({ ok: true, value })),
  headers: {},
});

let asked: string[];
let says: Record<string, RequestOutcome>;
let api: Awaited<ReturnType<typeof apiServer>>;

beforeEach(async () => {
  asked = [];
  says = {};
  const hand = new Hand();
  hand.instance(instanceOf('web-1'));
  hand.instance(instanceOf('web-2', { node: 'n2' }));
  hand.instance(instanceOf('web-3', { node: 'n3' }));
  hand.instance(
    instanceOf('over-1', { node: 'n4', outcome: { result: 'failed', at: 1, message: '' } }),
  );
  hand.instance(instanceOf('theirs-1', { node: 'n5', tenant: 'other' }));
  let elapsed = 0;
  const ports = {
    bus: {
      request: (
        { subject, body }: { subject: string; body: Uint8Array },
        _ms: number,
        done: (outcome: RequestOutcome) => void,
      ) => {
        asked.push(`${subject} ${body}`);
        queueMicrotask(() => done(says[subject] ?? { kind: 'none' }));
      },
    },
    clock: {
      elapsed: () => elapsed,
      after: (ms: number, call: () => void) => {
        const timer = setImmediate(() => {
          elapsed += ms;
          call();
        });
        return () => clearImmediate(timer);
      },
    },
    newId: () => 'id',
  } as unknown as Ports;
  const inside = insideOf(hand);
  const openedSessions = new OpenedSessions(ports, hand.known);
  api = await apiServer({ ...inside, openedSessions }, { requestsPerSecond: 1e3 });
});
afterEach(() => api.close());

test('are those the nodes with instances tell of, the oldest first; who says nothing is named', async () => {
  says['shoal.session.n1.list'] = answers({ node: 'n1', sessions: [opened('session-2', 2_000)] });
  says['shoal.session.n2.list'] = answers({
    node: 'n2',
    sessions: [{ ...opened('session-1', 1_000, 'web-2'), sidecar: 'side', caller: '10.0.0.9' }],
  });
  const all = await api.inject('/api/v1/sessions');
  expect(all.json()).toMatchObject({
    items: [
      {
        ...{ session: 'session-1', instance: 'web-2', sidecar: 'side', node: 'n2' },
        ...{ caller: '10.0.0.9', openedAt: '1970-01-01T00:00:01.000Z', saidBytes: 5, toldBytes: 7 },
      },
      { session: 'session-2', node: 'n1' },
    ],
    silent: ['n3'],
  });
  expect([...new Set(asked)].sort()).toEqual(
    ['n1', 'n2', 'n3'].map((node) => `shoal.session.${node}.list {"tenant":"default"}`),
  );
  asked.length = 0;
  const some = await api.inject('/api/v1/sessions?node=n1&instance=web-2');
  expect(some.json()).toMatchObject({ items: [], silent: [] });
  expect(asked).toEqual(['shoal.session.n1.list {"tenant":"default"}']);
});

test('one is ended where it is, and one that is nowhere is refused', async () => {
  says['shoal.session.n1.list'] = answers({ node: 'n1', sessions: [] });
  says['shoal.session.n2.list'] = answers({ node: 'n2', sessions: [opened('session-1', 1)] });
  says['shoal.session.n2.end'] = answers({ node: 'n2' });
  const end = (session: string) =>
    api.inject({ method: 'DELETE', url: `/api/v1/sessions/${session}` });
  const ended = await end('session-1');
  expect([ended.statusCode, ended.json()]).toEqual([200, { session: 'session-1', node: 'n2' }]);
  expect(asked.at(-1)).toBe('shoal.session.n2.end {"tenant":"default","session":"session-1"}');
  const missing = await end('session-9');
  expect(missing.statusCode).toBe(404);
  expect(missing.json()).toMatchObject({
    code: 'session-not-found',
    detail: 'tenant default has no session session-9; did not say: n3',
  });
});
