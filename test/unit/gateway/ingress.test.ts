/** From a host name to an endpoint, and what goes with a call. */
import { describe, expect, test } from 'vitest';
import { choose, endpointsOf, urlOf } from '../../../gateway/ingress/endpoints.ts';
import { failureOf } from '../../../gateway/ingress/failure.ts';
import {
  answerHeaders,
  requestHeaders,
  webSocketHeaders,
} from '../../../gateway/ingress/headers.ts';
import { hostNameIn } from '../../../gateway/ingress/host-name.ts';
import { IngressTable } from '../../../gateway/ingress/table.ts';
import { routeRecord } from '../../../subjects/index.ts';
import { Hand, instanceOf, nodeOf, observedOf } from './behind.ts';

describe('a host name', () => {
  test.each([
    ['web.localhost', 'web.localhost'],
    ['WEB.Localhost:8481', 'web.localhost'],
    ['web.localhost.', 'web.localhost'],
    ['web.localhost.:80', 'web.localhost'],
    ['127.0.0.1:80', '127.0.0.1'],
    [undefined, undefined],
    ['', undefined],
    [':80', undefined],
    ['[::1]:80', undefined],
    ['a b', undefined],
    ['a:b', undefined],
    ['a/b', undefined],
    ['a\u0000', undefined],
    ['x'.repeat(300), undefined],
  ])('%s is %s', (header, host) => {
    expect(hostNameIn(header)).toBe(host);
  });
});

const route = { tenant: 'default', host: 'web.localhost', workload: 'web', port: 'http' };

function handWith(...ids: string[]): Hand {
  const hand = new Hand();
  hand.node(nodeOf('n1'));
  hand.route(route);
  for (const id of ids) {
    hand.instance(instanceOf(id));
    hand.observed(observedOf(id, { ports: { http: 8_000 + ids.indexOf(id) } }));
  }
  return hand;
}

describe('endpoints', () => {
  test('are the ready instances that have the port, in an order that stays', () => {
    const hand = handWith('b', 'a');
    hand.instance(instanceOf('unready'));
    hand.observed(observedOf('unready', { isReady: false }));
    hand.instance(instanceOf('portless'));
    hand.observed(observedOf('portless', { ports: {} }));
    hand.instance(instanceOf('leaving', { intent: 'stop' }));
    hand.observed(observedOf('leaving'));
    hand.instance(instanceOf('moved', { epoch: 2 }));
    hand.observed(observedOf('moved'));
    hand.instance(instanceOf('other', { workload: 'api' }));
    hand.observed(observedOf('other', { workload: 'api' }));
    const found = endpointsOf(route, hand.known.seeAll('default', 'web'));
    expect(found).toEqual([
      { instance: 'a', host: '10.0.0.1', port: 8001 },
      { instance: 'b', host: '10.0.0.1', port: 8000 },
    ]);
  });

  test('of a node that is offline are none', () => {
    const hand = handWith('a');
    hand.node(nodeOf('n1', { liveness: 'offline' }));
    expect(endpointsOf(route, hand.known.seeAll('default', 'web'))).toEqual([]);
  });

  test('take turns; one that failed is left out', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((instance) => ({ instance, host: 'h', port: 1 }));
    const all = [a!, b!, c!];
    expect([0, 1, 2, 3].map((turn) => choose(all, turn)?.instance)).toEqual(['a', 'b', 'c', 'a']);
    expect([0, 1, 2].map((turn) => choose(all, turn, b)?.instance)).toEqual(['a', 'c', 'a']);
    expect(choose([], 0)).toBe(undefined);
    expect(choose([a!], 5, a)).toBe(undefined);
  });

  test('have a URL, also in IPv6', () => {
    expect(urlOf({ instance: 'a', host: '10.0.0.1', port: 80 })).toBe('http://10.0.0.1:80');
    expect(urlOf({ instance: 'a', host: 'fd00::1', port: 80 })).toBe('http://[fd00::1]:80');
  });
});

describe('the table', () => {
  const instance = (table: IngressTable): string => {
    const found = table.find('web.localhost');
    return found.kind === 'endpoint' ? found.endpoint.instance : found.kind;
  };

  test('goes round, and follows every change', () => {
    const hand = handWith('a', 'b');
    const table = new IngressTable(hand.known);
    expect([1, 2, 3].map(() => instance(table))).toEqual(['a', 'b', 'a']);
    hand.observed(observedOf('a', { isReady: false }));
    expect([1, 2].map(() => instance(table))).toEqual(['b', 'b']);
    hand.node(nodeOf('n1', { liveness: 'offline' }));
    expect(instance(table)).toBe('none');
    hand.node(nodeOf('n1'));
    hand.put(routeRecord, { tenant: 'default', host: 'web.localhost' }, null);
    expect(instance(table)).toBe('unrouted');
    expect(table.find('else.localhost').kind).toBe('unrouted');
  });

  test('gives another one after a failure, while there is one', () => {
    const hand = handWith('a', 'b');
    const table = new IngressTable(hand.known);
    const first = table.find('web.localhost');
    const failed = first.kind === 'endpoint' ? first.endpoint : undefined;
    for (let times = 0; times < 4; times++) {
      const next = table.find('web.localhost', failed);
      expect(next.kind === 'endpoint' && next.endpoint.instance).toBe('b');
    }
    hand.instance(instanceOf('b', { intent: 'stop' }));
    expect(table.find('web.localhost', failed).kind).toBe('none');
  });
});

describe('a failure', () => {
  const error = (code: string, message = 'inner words'): Error =>
    Object.assign(new Error(message), { code });

  test('is told in words, not in those of a library', () => {
    expect(failureOf(error('UND_ERR_SOCKET')).text).toBe('it hung up before it answered');
    expect(failureOf(error('ECONNREFUSED')).text).toBe('it takes no connections');
    expect(
      failureOf(new Error('a gateway timeout', { cause: error('UND_ERR_HEADERS_TIMEOUT') })),
    ).toEqual({ isUnreached: false, text: 'it did not begin to answer in time' });
    expect(failureOf(new Error('what else'))).toEqual({ isUnreached: false, text: 'what else' });
  });

  test('before the instance was reached may be tried elsewhere', () => {
    for (const code of ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_CONNECT_TIMEOUT']) {
      expect([code, failureOf(error(code)).isUnreached]).toEqual([code, true]);
    }
  });
});

describe('headers', () => {
  const caller = { id: 'r1', address: '192.0.2.1', protocol: 'https', host: 'web.localhost' };

  test('of one connection stay on it', () => {
    const sent = requestHeaders(
      {
        ...{ connection: 'keep-alive, X-Hop', 'x-hop': '1', 'keep-alive': '5', te: 'trailers' },
        ...{ upgrade: 'h2c', 'http2-settings': 'x', expect: '100-continue', accept: '*/*' },
        ...{ 'proxy-authorization': 'secret', cookie: 'a=b', 'content-length': '3' },
      },
      caller,
      { hasBody: true },
    );
    expect(sent).toEqual({
      ...{ accept: '*/*', cookie: 'a=b', 'content-length': '3', host: 'web.localhost' },
      ...{ 'x-request-id': 'r1', 'x-forwarded-for': '192.0.2.1' },
      ...{ 'x-forwarded-host': 'web.localhost', 'x-forwarded-proto': 'https' },
    });
  });

  test('what a caller claims of itself is replaced', () => {
    const claimed = {
      ...{ 'x-forwarded-for': '1.1.1.1', 'x-forwarded-proto': 'gopher', host: 'evil' },
      ...{ forwarded: 'for=1.1.1.1', 'x-real-ip': '1.1.1.1', 'x-forwarded-port': '443' },
    };
    const sent = requestHeaders(claimed, caller, { hasBody: false });
    for (const name of ['forwarded', 'x-real-ip', 'x-forwarded-port']) {
      expect(sent).not.toHaveProperty(name);
    }
    expect(sent).toMatchObject({ 'x-forwarded-for': '192.0.2.1', host: 'web.localhost' });
    expect(
      requestHeaders({ 'content-length': '3' }, caller, { hasBody: false }),
    ).not.toHaveProperty('content-length');
  });

  test('of a WebSocket handshake are made anew', () => {
    const given = { 'sec-websocket-key': 'x', 'sec-websocket-version': '13', origin: 'http://a' };
    const sent = webSocketHeaders(given, caller);
    expect(Object.keys(sent).some((name) => name.startsWith('sec-'))).toBe(false);
    expect(sent['origin']).toBe('http://a');
  });

  test('of an answer go on, but for those of its connection', () => {
    const given = {
      connection: 'close',
      'keep-alive': 'timeout=5',
      'set-cookie': ['a', 'b'],
      etag: 'x',
    };
    expect(answerHeaders(given)).toEqual({ 'set-cookie': ['a', 'b'], etag: 'x' });
  });
});
