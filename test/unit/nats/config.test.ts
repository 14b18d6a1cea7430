/** The configuration of a server: the settings that were measured, and each user's own permissions. */
import { describe, expect, test } from 'vitest';
import { keptIn, type ServerSettings, serverConfig } from '../../../nats/config.ts';
import { permissionsOf } from '../../../subjects/permissions.ts';
import { STORE_BYTES_MAX } from '../../../subjects/streams.ts';

const settings: ServerSettings = {
  ...{ name: 'shoal', host: '127.0.0.1', port: 4222, monitorPort: 8222 },
  ...{ storeDirectory: '/state/store', syncInterval: '10s' },
  users: [
    { identity: { role: 'control', name: 'control' }, publicKey: 'UCONTROL' },
    { identity: { role: 'agent', name: 'n1' }, publicKey: 'UAGENT' },
    { identity: { role: 'operator', name: 'o' }, publicKey: 'UOPERATOR' },
  ],
};
const text = (more: Partial<ServerSettings> = {}) => serverConfig({ ...settings, ...more });

test.each([
  'server_name: "shoal"',
  'listen: "127.0.0.1:4222"',
  'http: "127.0.0.1:8222"',
  'ping_interval: "5s"',
  'store_dir: "/state/store"',
  'sync_interval: "10s"',
  `max_file_store: ${STORE_BYTES_MAX}`,
  'batch { timeout: "2s", max_inflight_per_stream: 200 }',
  'default_max_consumers: 20000',
  'system_account: SYS',
  'to: "shoal.bus.disconnected"',
  '{ service: "$SYS.REQ.SERVER.PING.JSZ", response_type: stream }',
  '{ service: { account: SYS, subject: "$SYS.REQ.SERVER.PING.HEALTHZ" } }',
])('has %s', (line) => {
  expect(text()).toContain(line);
});

test('says where it is looked at and what it keeps, to whoever looks after it', () => {
  const at = { storeDirectory: '/a "b"/c', monitorHost: '[::1]' };
  const kept = { monitorUrl: 'http://[::1]:8222', storeDirectory: '/a "b"/c' };
  expect(keptIn(text(at))).toEqual(kept);
  expect(keptIn('port: 4222\n')).toBeUndefined();
});

test('takes other amounts where they are named', () => {
  const named = text({ storeBytesMax: 8_000_001, syncInterval: 'always' });
  expect(named).toContain('max_file_store: 8000001\n');
  expect(named).toContain('max_memory_store: 1000000\n');
  expect(named).toContain('sync_interval: "always"\n');
});

describe('a user', () => {
  test('may do what the contracts say, and who only looks on answers nobody', () => {
    const config = text();
    const agent = config.slice(config.indexOf('# agent n1'));
    const control = config.slice(config.indexOf('# control control'), config.indexOf('# agent n1'));
    const { publish, subscribe } = permissionsOf({ role: 'agent', name: 'n1' });
    expect(agent).toContain(`publish: { allow: [${publish.map((s) => `"${s}"`).join(', ')}] }`);
    expect(agent).toContain(`subscribe: { allow: [${subscribe.map((s) => `"${s}"`).join(', ')}] }`);
    expect(config.slice(config.indexOf('# operator o'))).not.toContain('allow_responses');
    expect(control).toContain('allow_responses: { max: 32, expires: "2m" }');
    expect(config.match(/nkey: U\w+/g)).toEqual([
      'nkey: UCONTROL',
      'nkey: UAGENT',
      'nkey: UOPERATOR',
    ]);
  });

  test('may do something else where a test says so', () => {
    const [one] = settings.users;
    const open = { publish: ['>'], subscribe: ['>'] };
    const users = [{ ...(one as NonNullable<typeof one>), permissions: open }];
    expect(text({ users })).toContain('publish: { allow: [">"] }');
  });
});

describe('a server of a cluster', () => {
  const cluster = {
    ...{ name: 'c', port: 6222, routes: ['127.0.0.1:6223', '127.0.0.1:6224'], secret: 's/1' },
  };

  test('listens for the others, dials them, and shows the secret', () => {
    const config = text({ cluster });
    expect(config).toContain('name: "c"\n  listen: "127.0.0.1:6222"\n  no_advertise: false\n');
    expect(config).toContain('authorization { user: "shoal-server", password: "s/1", timeout: 2 }');
    expect(config).toContain('"nats-route://shoal-server:s%2F1@127.0.0.1:6223"');
    expect(config).not.toContain('  advertise:');
  });

  test('tells clients of no others, and others of no address, where told so', () => {
    const quiet = text({ cluster: { ...cluster, isAdvertised: false, advertise: 'a:1' } });
    expect(quiet).toContain('no_advertise: true\n  advertise: "a:1"\n');
  });

  test('is none unless told so', () => {
    expect(text()).not.toContain('cluster');
  });
});

test('no name or path breaks out of its quotes', () => {
  const odd = text({ name: 'a"\nport: 1', storeDirectory: '/a b/"c"\\d' });
  expect(odd).toContain('server_name: "a\\"\\nport: 1"\n');
  expect(odd).toContain('store_dir: "/a b/\\"c\\"\\\\d"\n');
});
