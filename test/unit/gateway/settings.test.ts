/** The gateway's settings. */
import { describe, expect, test } from 'vitest';
import { StartError } from '../../../actors/runtime/start-error.ts';
import { gatewaySettings } from '../../../gateway/settings.ts';

describe('settings', () => {
  test('have defaults, also where a variable is empty', () => {
    const usual = {
      ...{ copy: 'gateway', host: '127.0.0.1', port: 8480, ingressPort: 8481 },
      ...{ ingressHost: '127.0.0.1', requestsPerSecond: 1000, proxies: ['loopback'] },
      grpcPort: undefined,
    };
    expect(gatewaySettings({})).toEqual(usual);
    expect(gatewaySettings({ SHOAL_GATEWAY_PORT: '', SHOAL_COPY: '' })).toEqual(usual);
  });

  test('are read from the environment', () => {
    const read = gatewaySettings({
      ...{ SHOAL_COPY: 'g2', SHOAL_GATEWAY_HOST: '0.0.0.0', SHOAL_GATEWAY_PORT: '80' },
      ...{ SHOAL_INGRESS_PORT: '0', SHOAL_RATE_LIMIT: '5', SHOAL_INGRESS_HOST: '::' },
      SHOAL_PROXIES: 'loopback, 10.0.0.0/8,fd00::1',
      SHOAL_GRPC_PORT: '8482',
    });
    expect(read).toEqual({
      copy: 'g2',
      host: '0.0.0.0',
      ingressHost: '::',
      proxies: ['loopback', '10.0.0.0/8', 'fd00::1'],
      port: 80,
      ingressPort: 0,
      grpcPort: 8482,
      requestsPerSecond: 5,
    });
  });

  test.each([
    ['SHOAL_COPY', 'a.b'],
    ['SHOAL_COPY', '*'],
    ['SHOAL_GATEWAY_HOST', 'a b'],
    ['SHOAL_GATEWAY_PORT', 'http'],
    ['SHOAL_GATEWAY_PORT', '65536'],
    ['SHOAL_INGRESS_PORT', '-1'],
    ['SHOAL_INGRESS_PORT', '80.5'],
    ['SHOAL_INGRESS_HOST', 'a/b'],
    ['SHOAL_PROXIES', 'proxy.example'],
    ['SHOAL_PROXIES', '10.0.0.0/33'],
    ['SHOAL_PROXIES', '10.0.0.1,'],
    ['SHOAL_GRPC_PORT', 'on'],
    ['SHOAL_CADDY_ADMIN', 'localhost:2019'],
    ['SHOAL_CADDY_ADMIN', 'http://localhost:2019/config'],
    ['SHOAL_CADDY_SERVER', 'a/b'],
    ['SHOAL_CADDY_LISTEN', ':80,,:81'],
    ['SHOAL_RATE_LIMIT', '0'],
    ['SHOAL_RATE_LIMIT', 'NaN'],
  ])('%s=%s is one sentence on what to do', (name, text) => {
    const read = (): unknown => gatewaySettings({ [name]: text });
    expect(read).toThrow(StartError);
    expect(read).toThrow(`${name} is "${text}"`);
  });

  test('name a Caddy, by a variable of Try It Now only with its facade', () => {
    const usual = { server: 'shoal', listen: [':80'] };
    const admin = 'http://127.0.0.1:2019';
    expect(gatewaySettings({}).caddy).toBeUndefined();
    expect(gatewaySettings({ SHOAL_CADDY_ADMIN: `${admin}/` }).caddy).toEqual({ admin, ...usual });
    expect(
      gatewaySettings({
        ...{ SHOAL_CADDY_ADMIN: 'http://[::1]:2019', SHOAL_CADDY_SERVER: 'other' },
        SHOAL_CADDY_LISTEN: ':8443,tcp/127.0.0.1:80',
      }).caddy,
    ).toEqual({
      admin: 'http://[::1]:2019',
      server: 'other',
      listen: [':8443', 'tcp/127.0.0.1:80'],
    });
    expect(gatewaySettings({ CADDY_ADMIN_URL: admin }).caddy).toBeUndefined();
    const demos = { SHOAL_TRY_IT_NOW: 'pool', CADDY_ADMIN_URL: admin };
    expect(gatewaySettings(demos).caddy).toEqual({ admin, ...usual });
    expect(gatewaySettings({ ...demos, SHOAL_CADDY_ADMIN: 'http://b:1' }).caddy?.admin).toBe(
      'http://b:1',
    );
    const { caddy, tryItNow } = gatewaySettings({ ...demos, CADDY_ADMIN_URL: 'caddy' });
    expect(caddy).toBeUndefined();
    expect(tryItNow?.notices).toEqual([
      'CADDY_ADMIN_URL is "caddy": cannot be read, the default counts',
    ]);
  });
});
