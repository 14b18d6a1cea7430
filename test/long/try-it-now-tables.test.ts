/**
 * Demos that share a real MariaDB: what has the prefix of one goes with it and nothing else does, also
 * where the database was away, and nobody waits for one that is.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prefixOf, quoted } from '../../gateway/facades/try-it-now/tables/prefixes.ts';
import { Fabric } from '../integration/gateway/fabric.ts';
import { MariadbUnderTest } from '../support/mariadb.ts';
import { eventually } from '../support/ports.ts';

const SLOTS = 3;
/** Longer than anything here takes on a busy machine, in milliseconds. */
const LONG_MS = 120_000;

let fabric: Fabric;
let mariadb: MariadbUnderTest;
beforeAll(async () => {
  mariadb = await MariadbUnderTest.start();
  fabric = await Fabric.start(1);
  await fabric.gateway.stop();
  await fabric.openAgain({
    ...{ SHOAL_TRY_IT_NOW: 'environment', SERVER_HOST: '127.0.0.1', SERVER_PORT: '0' },
    ...{ POOL_TARGET_SIZE: String(SLOTS), POOL_MIN_SIZE: '0', POOL_MAX_SIZE: '6' },
    ...{ RATE_LIMIT_HOURLY: '100', RATE_LIMIT_DAILY: '100', BASE_DOMAIN: 'demo.test' },
    SHOAL_TRY_IT_NOW_TEMPLATE: JSON.stringify({
      ...{ driver: 'process', command: ['serve'], ports: [{ name: 'http' }], grace: '1s' },
      resources: { cpu: '10m', memory: '1Mi' },
    }),
    ...mariadb.environment,
  });
});
afterAll(async () => {
  await fabric?.[Symbol.asyncDispose]();
  await mariadb?.[Symbol.asyncDispose]();
});

interface Demo {
  readonly id: string;
  readonly slot: string;
}

const call = (method: string, path: string): Promise<Response> =>
  fetch(`${fabric.gateway.tryItNowUrl}/api/v1/${path}`, { method });
const ready = (): Promise<void> =>
  eventually(
    async () =>
      ((await (await call('GET', 'pool/stats')).json()) as { ready: number }).ready === SLOTS,
    LONG_MS,
    'demos are ready',
  );
const acquire = async (): Promise<Demo> => {
  const answer = await call('POST', 'demo/acquire');
  expect(answer.status).toBe(200);
  const { id, url } = (await answer.json()) as { readonly id: string; readonly url: string };
  return { id, slot: new URL(url).hostname.split('.')[0] as string };
};
const release = async ({ id }: Demo): Promise<void> => {
  expect((await call('DELETE', `demo/${id}`)).status).toBe(200);
};
const booked = async (): Promise<readonly string[]> => {
  const rows = await mariadb.query<{ slot: string }>('SELECT slot FROM shoal_prefixes');
  return rows.map(({ slot }) => slot).sort();
};
const slots = async (): Promise<readonly string[]> => {
  const { items } = (await fabric.get('workloads?all=true')).body;
  return items.map(({ name }: { name: string }) => name).sort();
};
const settled = (): Promise<void> =>
  eventually(
    async () => (await booked()).join() === (await slots()).join(),
    LONG_MS,
    'slots are booked',
  );
const tablesOf = async (demo: Demo): Promise<readonly string[]> =>
  (await mariadb.tables()).filter((each) => each.startsWith(prefixOf(demo.slot)));
/** What a shop makes: tables that refer to each other, a view, and names nobody would think of. */
const shop = async (demo: Demo): Promise<number> => {
  const prefix = prefixOf(demo.slot);
  const odd = [
    'a`b',
    "a'b",
    'a"b',
    'a;b',
    'a.b',
    'a\\b',
    'ä',
    'a b',
    '%',
    '`; DROP TABLE keep; --',
  ];
  const named = (name: string) => quoted(`${prefix}${name}`);
  for (const name of ['customer', 'smarty_cache', ...odd]) {
    await mariadb.query(`CREATE TABLE ${named(name)} (id INT PRIMARY KEY)`);
  }
  const refers = `of INT, FOREIGN KEY (of) REFERENCES ${named('customer')} (id)`;
  await mariadb.query(`CREATE TABLE ${named('orders')} (id INT PRIMARY KEY, ${refers})`);
  await mariadb.query(`CREATE VIEW ${named('view')} AS SELECT id FROM ${named('customer')}`);
  return odd.length + 4;
};

test('what has the prefix of a demo goes with it; what is alike stays', async () => {
  await ready();
  await settled();
  const [one, other] = [await acquire(), await acquire()];
  const count = await shop(one);
  expect(await tablesOf(one)).toHaveLength(count);
  await shop(other);
  const prefix = prefixOf(one.slot);
  const alike = [
    ...['keep', 'template_orders', 'd00000000_orders', `x${prefix}orders`],
    // An underscore is no wildcard, and letters are not their capitals.
    ...[`${prefix.slice(0, 9)}xorders`, `${prefix.toUpperCase()}orders`, prefix.slice(0, 9)],
  ];
  for (const name of alike) await mariadb.query(`CREATE TABLE ${quoted(name)} (id INT)`);
  await release(one);
  await eventually(async () => (await tablesOf(one)).length === 0, LONG_MS, 'its tables are gone');
  expect(await tablesOf(other)).toHaveLength(count);
  expect(await mariadb.tables()).toEqual(expect.arrayContaining(alike));
  await release(other);
  await eventually(async () => (await tablesOf(other)).length === 0, LONG_MS, 'all are gone');
}, 300_000);

test('what somebody wrote into the bookings drops nothing', async () => {
  const insert = 'INSERT INTO shoal_prefixes (tenant, pool, slot, prefix, seen) VALUES (?)';
  for (const [slot, prefix] of [
    ['demo-x', 'template_'],
    ['demo-y', '%'],
    ["demo-z' OR '1", "' OR '1"],
  ]) {
    await mariadb.query(insert, [['default', 'demo', slot, prefix, 1]]);
  }
  await settled();
  expect(await mariadb.tables()).toEqual(expect.arrayContaining(['keep', 'template_orders']));
}, 300_000);

test('a table that is in use keeps only its own demo waiting', async () => {
  const [busy, free] = [await acquire(), await acquire()];
  await shop(busy);
  await shop(free);
  const user = await mariadb.connect();
  await user.query('BEGIN');
  await user.query(`SELECT * FROM ${quoted(`${prefixOf(busy.slot)}orders`)}`);
  await release(busy);
  await release(free);
  await eventually(async () => (await tablesOf(free)).length === 0, LONG_MS, 'its tables are gone');
  expect((await tablesOf(busy)).length).toBeGreaterThan(0);
  await user.query('COMMIT');
  user.destroy();
  await eventually(async () => (await tablesOf(busy)).length === 0, LONG_MS, 'and those in use');
}, 300_000);

test('a database that is away keeps nobody from a demo, and is cleaned when it is back', async () => {
  await ready();
  await settled();
  const demo = await acquire();
  await shop(demo);
  await mariadb.kill();
  const meanwhile = await acquire();
  await release(demo);
  await ready();
  const metrics = async () => (await fetch(`${fabric.gateway.apiUrl}/metrics`)).text();
  const failed = 'shoal_try_it_now_database_state{state="failed"} 1';
  await eventually(async () => (await metrics()).includes(failed), LONG_MS, 'it is known');
  await mariadb.start();
  await eventually(async () => (await tablesOf(demo)).length === 0, LONG_MS, 'its tables are gone');
  await shop(meanwhile);
  await release(meanwhile);
  await eventually(async () => (await tablesOf(meanwhile)).length === 0, LONG_MS, 'all are gone');
}, 300_000);

test('of a pool that is gone nothing is left', async () => {
  await fabric.call('DELETE', 'pools/demo');
  await eventually(async () => (await fabric.get('pools/demo')).status === 404, LONG_MS, 'gone');
  await eventually(async () => (await booked()).length === 0, LONG_MS, 'nothing is booked');
  const left = (await mariadb.tables()).filter((each) => /^d[0-9a-f]{8}_/.test(each));
  expect(left).toEqual(['d00000000_orders']);
}, 300_000);
