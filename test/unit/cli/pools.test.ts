/** Pools and claims on the command line: what people and programs are shown. */
import { describe, expect, test } from 'vitest';
import { at, claim, pool } from './fabric.ts';
import { refused, StubGateway, shoal, stream } from './stub-gateway.ts';

const trouble = { since: at(60), message: 'demo-1: exited with code 3' };
const listed = (...items: object[]) => ({ body: { items, revision: 4 } });

describe('shoal pool', () => {
  test('ls shows how many slots are in which state, and trouble where there is some', async () => {
    await using stub = await StubGateway.start({
      'GET /api/v1/pools': listed(pool, { ...pool, name: 'sad', state: 'hindered', trouble }),
    });
    const { out, code } = await shoal(stub, 'pool ls');
    expect(out.split('\n').map((line) => line.trimEnd())).toEqual([
      'NAME  STATE      READY  CLAIMED  WARMING  DRAINING  MAXIMUM  AGE    TROUBLE',
      'demo  refilling    3/5        1        2         0       20  3m10s  -',
      'sad   hindered     3/5        1        2         0       20  3m10s  demo-1: exited with code 3',
      '',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse((await shoal(stub, 'get pools --json')).out).items).toHaveLength(2);
  });

  test('ls says that there are none', async () => {
    await using stub = await StubGateway.start({ 'GET /api/v1/pools': listed() });
    expect(await shoal(stub, 'pool ls')).toMatchObject({
      code: 0,
      err: 'no pools in tenant default\n',
    });
  });

  test('describe shows claims and events', async () => {
    await using stub = await StubGateway.start({
      'GET /api/v1/pools/demo': { body: { ...pool, trouble } },
      'GET /api/v1/claims': listed(claim),
      'GET /api/v1/events': listed(),
    });
    const { out } = await shoal(stub, 'pool describe demo');
    expect(out).toMatch(/^Pool +demo \(of tenant default\)\n/);
    expect(out).toMatch(/Ready +3 of 5\nSlots +6 of at most 20\nOf them +1 claimed, 2 warming/);
    expect(out).toMatch(/Trouble +demo-1: exited with code 3 \(since 1m ago\)/);
    expect(out).toMatch(/demo-4f2abk9x0w +demo +1m50s +checkout +n1 +http 127\.0\.0\.1:28524/);
  });

  test('purge says how many are replaced, and what is not there', async () => {
    await using stub = await StubGateway.start({
      'POST /api/v1/pools/demo/purge': { body: { name: 'demo', generation: 4, slots: 5 } },
      'POST /api/v1/pools/none/purge': refused('pool-not-found', 'there is no pool none'),
    });
    expect((await shoal(stub, 'pool purge demo')).out).toBe(
      'pool demo is purged: 5 slots that nobody has are replaced\n',
    );
    const none = await shoal(stub, 'pool purge none');
    expect([none.code, none.err]).toEqual([1, expect.stringContaining('shoal pool ls')]);
  });
});

describe('claims', () => {
  test('claim tells where the slot takes calls, for so long and for whom', async () => {
    await using stub = await StubGateway.start({
      'POST /api/v1/pools/demo/claims': { status: 201, body: claim },
    });
    const { out, code } = await shoal(stub, 'claim demo --ttl 2m --by checkout');
    expect(code).toBe(0);
    expect(out).toMatch(
      /^Claim +demo-4f2abk9x0w\nUntil +\S+ \(1m50s left\)\nNode +n1\nPorts +http 127/,
    );
    expect(stub.asked.at(-1)?.body).toEqual({ ttl: '2m', by: 'checkout' });
    expect(JSON.parse((await shoal(stub, 'claim demo --json')).out)).toEqual(claim);
    expect(stub.asked.at(-1)?.body).toEqual({});
  });

  test('claim --node-label and --architecture choose among nodes', async () => {
    await using stub = await StubGateway.start({
      'POST /api/v1/pools/demo/claims': { status: 201, body: claim },
    });
    const words = '--node-label zone=garage --node-label a/b=c=d --architecture arm64';
    expect((await shoal(stub, `claim demo --ttl 2m ${words}`)).code).toBe(0);
    const labels = { zone: 'garage', 'a/b': 'c=d' };
    const placement = { labels, architecture: 'arm64' };
    expect(stub.asked.at(-1)?.body).toEqual({ ttl: '2m', placement });
    expect((await shoal(stub, 'claim demo --node-label zone')).code).toBe(2);
  });

  test('claim --key sends the key, waiting or not', async () => {
    await using stub = await StubGateway.start({
      'POST /api/v1/pools/demo/claims': ({ query }) =>
        query['wait'] ? events(['claim', claim]) : { status: 201, body: claim },
    });
    for (const line of ['claim demo --key order-7', 'claim demo --key order-7 --wait 30s']) {
      expect((await shoal(stub, line)).code).toBe(0);
      expect(stub.asked.at(-1)).toMatchObject({
        ...{ body: {}, headers: { 'idempotency-key': 'order-7' } },
      });
    }
    await shoal(stub, 'claim demo');
    expect(stub.asked.at(-1)?.headers).not.toHaveProperty('idempotency-key');
    const wrong = await shoal(stub, 'claim demo --key schlüssel');
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('visible ASCII')]);
  });

  test('claim ends with 1 where none is ready, with 2 for no length of time', async () => {
    await using stub = await StubGateway.start({
      'POST /api/v1/pools/demo/claims': refused('pool-empty', 'no slot of demo is ready'),
    });
    const empty = await shoal(stub, 'claim demo');
    expect([empty.code, empty.err]).toEqual([
      1,
      expect.stringContaining('no slot of demo is ready'),
    ]);
    const wrong = await shoal(stub, 'claim demo --ttl soon');
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('a length of time')]);
  });

  const place = { position: 2, waiting: 5, etaSeconds: 11.2, until: at(-20) };
  const events = (...of: readonly (readonly [string, object])[]) =>
    stream(
      of.map(([event, data]) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join(''),
    );

  test('claim --wait tells where one stands, and then the claim', async () => {
    const first = { ...place, position: 1, etaSeconds: undefined };
    await using stub = await StubGateway.start({
      'POST /api/v1/pools/demo/claims': events(
        ['place', place],
        ['place', first],
        ['claim', claim],
      ),
    });
    const { out, err, code } = await shoal(stub, 'claim demo --ttl 2m --wait 30s');
    expect([code, out]).toEqual([0, expect.stringMatching(/^Claim +demo-4f2abk9x0w\n/)]);
    expect(err).toBe('number 2 of 5 in line, about 12s (0ms)\nnumber 1 of 5 in line (0ms)\n');
    expect(stub.asked.at(-1)).toMatchObject({ query: { wait: '30s' }, body: { ttl: '2m' } });
    await shoal(stub, 'claim demo --wait');
    expect(stub.asked.at(-1)).toMatchObject({ query: { wait: '2m' }, body: {} });
  });

  test('claim --wait ends with 4 where that was not long enough, and with 1 where it cannot be', async () => {
    const over = refused('wait-over', '30s are over: number 2 of 5 in line').body as object;
    const gone = refused('pool-deleting', 'demo is being deleted').body as object;
    await using stub = await StubGateway.start({
      'POST /api/v1/pools/demo/claims': events(['place', place], ['refused', over]),
      'POST /api/v1/pools/gone/claims': events(['refused', gone]),
      'POST /api/v1/pools/none/claims': refused('pool-not-found', 'there is no pool none'),
      'POST /api/v1/pools/cut/claims': events(['place', place]),
    });
    const late = await shoal(stub, 'claim demo --wait 30s');
    expect([late.code, late.err]).toEqual([4, expect.stringContaining('number 2 of 5 in line')]);
    expect((await shoal(stub, 'claim gone --wait 30s')).code).toBe(1);
    expect((await shoal(stub, 'claim none --wait 30s')).code).toBe(1);
    const cut = await shoal(stub, 'claim cut --wait 30s');
    expect([cut.code, cut.err]).toEqual([3, expect.stringContaining('ended the wait')]);
    expect((await shoal(stub, 'claim demo --wait soon')).code).toBe(2);
  });

  test('a claim tells its URL where its pool has a route', async () => {
    const url = 'http://demo-4f2abk9x0w.demo.localhost:8481/';
    await using stub = await StubGateway.start({
      'POST /api/v1/pools/demo/claims': { status: 201, body: { ...claim, url } },
      'GET /api/v1/claims': listed({ ...claim, url }),
    });
    expect((await shoal(stub, 'claim demo')).out).toContain(`\nURL    ${url}\n`);
    expect((await shoal(stub, 'claims -o wide')).out).toContain('http 127.0.0.1:28524');
    expect((await shoal(stub, 'claims')).out).toBe(
      [
        'CLAIM            POOL  LEFT   BY        NODE  URL',
        `demo-4f2abk9x0w  demo  1m50s  checkout  n1    ${url}\n`,
      ].join('\n'),
    );
  });

  test('claims lists those that are held', async () => {
    await using stub = await StubGateway.start({
      'GET /api/v1/claims': listed(claim, { ...claim, id: 'demo-2', by: undefined, ports: {} }),
    });
    expect((await shoal(stub, 'claims --pool demo')).out).toBe(
      [
        'CLAIM            POOL  LEFT   BY        NODE  PORTS',
        'demo-4f2abk9x0w  demo  1m50s  checkout  n1    http 127.0.0.1:28524',
        'demo-2           demo  1m50s  -         n1    -\n',
      ].join('\n'),
    );
    expect(stub.asked.at(-1)?.query).toMatchObject({ pool: 'demo' });
  });

  test('extend and release, one after another, past one that is not there', async () => {
    const later = { ...claim, until: '2026-11-21T05:00:00.000Z' };
    await using stub = await StubGateway.start({
      'POST /api/v1/claims/demo-1/extend': { body: later },
      'DELETE /api/v1/claims/demo-1': { body: { claim, wasOver: false } },
      'DELETE /api/v1/claims/demo-2': refused('claim-not-found', 'no claim demo-2'),
      'DELETE /api/v1/claims/demo-3': { body: { claim, wasOver: true } },
    });
    expect((await shoal(stub, 'extend demo-1 5m')).out).toBe(
      'claim demo-1 lasts until 2026-11-21T05:00:00.000Z\n',
    );
    const { code, out, err } = await shoal(stub, 'release demo-1 demo-2 demo-3');
    expect([code, out]).toEqual([1, 'claim demo-1 is released\nclaim demo-3 was over before\n']);
    expect(err).toContain('no claim demo-2');
  });
});
