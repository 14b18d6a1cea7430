/** A site: what each program is given, and what no site can be. */
import { describe, expect, test } from 'vitest';
import { packagesOf } from '../../../local/production.ts';
import { bundlesOf } from '../../../nats/site/bundles.ts';
import { checkedSite } from '../../../nats/site/folder.ts';
import { identitiesOf } from '../../../nats/site/site.ts';

const three = ['10.0.0.1', '10.0.0.2', 'nats-3.example'].map((host) => ({ host }));
const given = { servers: three, controls: 2, gateways: 1, nodes: ['n1'], durability: 'server' };
const siteOf = (more: object = {}) => checkedSite({ ...given, ...more }, 'this site');
const bundles = (more: object = {}) => {
  const site = siteOf(more);
  const users = identitiesOf(site).map((identity) => {
    return { identity, publicKey: `U${identity.role}-${identity.name}` };
  });
  return new Map(bundlesOf(site, users, 'secret').map((each) => [each.name, each]));
};
const settings = (name: string, more: object = {}): string =>
  bundles(more).get(name)?.files['shoal.env'] ?? '';
const config = (name: string, more: object = {}): string =>
  bundles(more).get(name)?.files['nats.conf'] ?? '';

describe('each program', () => {
  test('has a bundle with its settings and its own key, and a server its configuration', () => {
    const made = [...bundles().values()].map(({ name, at, identity }) => [
      name,
      at,
      identity?.name,
    ]);
    expect(made).toEqual([
      ['shoal-1', '/etc/shoal/nats', undefined],
      ['shoal-2', '/etc/shoal/nats', undefined],
      ['shoal-3', '/etc/shoal/nats', undefined],
      ['control', '/etc/shoal/control', 'control'],
      ['control-2', '/etc/shoal/control', 'control-2'],
      ['gateway', '/etc/shoal/gateway', 'gateway'],
      ['operator', '/etc/shoal/operator', 'operator'],
      ['agent-n1', '/etc/shoal/agent', 'n1'],
    ]);
  });

  test('knows every server and where its key will lie', () => {
    for (const name of ['control', 'gateway', 'operator', 'agent-n1']) {
      const text = settings(name, { at: '/srv/shoal' });
      const all = 'nats://10.0.0.1:4222,nats://10.0.0.2:4222,nats://nats-3.example:4222';
      expect(text).toContain(`SHOAL_NATS=${all}\n`);
      expect(text).toMatch(/^SHOAL_SEED=\/srv\/shoal\/(control|gateway|operator|agent)\/key\.nk$/m);
    }
    expect(settings('control')).toContain('SERVERS=3\nDURABILITY=server\n');
    expect(settings('agent-n1')).toContain('SHOAL_NODE=n1\n');
  });

  test('of the API stays on its machine until somebody says otherwise', () => {
    expect(settings('gateway')).toContain('SHOAL_GATEWAY_HOST=127.0.0.1\n');
  });

  test('of the gateway serves gRPC', () => {
    expect(settings('gateway')).toContain('SHOAL_GRPC_PORT=8482\n');
  });
});

describe('each server', () => {
  test('lets everybody in, knows the others, and shows its pages to its machine only', () => {
    const text = config('shoal-2');
    for (const each of [
      'Ucontrol-control-2',
      'Ugateway-gateway',
      'Uagent-n1',
      'Uoperator-operator',
    ])
      expect(text).toContain(each);
    expect(text).toContain('server_name: "shoal-2"');
    expect(text).toContain('http: "127.0.0.1:8222"');
    expect(text).toContain('@10.0.0.1:6222"');
    expect(text).toContain('@nats-3.example:6222"');
    expect(text).not.toContain('@10.0.0.2:6222"');
  });

  test('that stands alone is in no cluster', () => {
    const alone = { servers: [{ host: 'fd00::1' }], durability: 'power' };
    expect(config('shoal-1', alone)).not.toContain('cluster {');
    expect(config('shoal-1', alone)).toContain('sync_interval: "always"');
    expect(settings('control', alone)).toContain('SHOAL_NATS=nats://[fd00::1]:4222\n');
  });
});

test.each([
  ['two servers', { servers: three.slice(0, 2) }, /there are 2; one, or three/],
  ['two servers at one place', { servers: [three[0], three[0], three[1]] }, /one address and port/],
  ['two nodes of one name', { nodes: ['n1', 'n1'] }, /two have one name/],
  ['a node of no name', { nodes: ['N 1'] }, /nodes\.0/],
  ['no host', { servers: [{ host: 'a b' }] }, /a host name or an address/],
  ['a port that is none', { servers: [{ host: 'a', port: 70_000 }] }, /servers\.0\.port/],
  ['what one server cannot survive', { servers: three.slice(0, 1) }, /needs three servers/],
  ['a folder that is none', { at: 'etc' }, /at:/],
  ['what nobody knows', { colour: 'red' }, /colour/],
])('%s is no site, and it says why', (_, more, why) => {
  expect(() => siteOf(more)).toThrow(why);
});

test('programs are installed with the packages they need, and those for this machine only', () => {
  const lock = {
    packages: {
      '': {},
      'node_modules/zod': {},
      'node_modules/zod/node_modules/inner': {},
      'node_modules/vitest': { dev: true },
      'node_modules/both': { devOptional: true },
      'node_modules/x64': { optional: true },
      'node_modules/arm64': { optional: true },
    },
  };
  const found = packagesOf(JSON.stringify(lock), (path) => path === 'node_modules/x64');
  expect(found).toEqual([
    ...['node_modules/zod', 'node_modules/zod/node_modules/inner', 'node_modules/x64'],
  ]);
});
