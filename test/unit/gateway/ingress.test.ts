/** From a host name to an endpoint, and what goes with a call. */
import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { Attempts } from '../../../gateway/ingress/attempts.ts';
import { Calls } from '../../../gateway/ingress/calls.ts';
import { byAddress, leastBusy } from '../../../gateway/ingress/choose.ts';
import { type Endpoint, endpointsOf, urlOf } from '../../../gateway/ingress/endpoints.ts';
import { failureOf } from '../../../gateway/ingress/failure.ts';
import {
  answerHeaders,
  requestHeaders,
  webSocketHeaders,
  withCookie,
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
      { instance: 'a', host: '10.0.0.1', port: 8001, node: 'n1' },
      { instance: 'b', host: '10.0.0.1', port: 8000, node: 'n1' },
    ]);
  });

  test('of a node that is offline are none', () => {
    const hand = handWith('a');
    hand.node(nodeOf('n1', { liveness: 'offline' }));
    expect(endpointsOf(route, hand.known.seeAll('default', 'web'))).toEqual([]);
  });

  test('have a URL, also in IPv6', () => {
    expect(urlOf({ instance: 'a', host: '10.0.0.1', port: 80 })).toBe('http://10.0.0.1:80');
    expect(urlOf({ instance: 'a', host: 'fd00::1', port: 80 })).toBe('http://[fd00::1]:80');
  });
});

describe('of several endpoints', () => {
  const all = ['a', 'b', 'c'].map((instance, at) => ({ instance, host: 'h', port: at }));
  const [a, b, c] = all as [Endpoint, Endpoint, Endpoint];
  const idle = (): number => 0;

  test('that are idle each has its turn', () => {
    const taken = [0, 1, 2, 3].map((turn) => leastBusy(all, turn, idle)?.instance);
    expect(taken).toEqual(['a', 'b', 'c', 'a']);
    expect(leastBusy([], 0, idle)).toBe(undefined);
  });

  test('the one with the fewest calls takes the next, whoever has the turn', () => {
    const calls = new Map([
      [a, 2],
      [b, 1],
      [c, 1],
    ]);
    const taken = [0, 1, 2].map((turn) => leastBusy(all, turn, (each) => calls.get(each) ?? 0));
    expect(taken).toEqual([b, b, c]);
  });

  test('an address has the same, and another one only where it must', () => {
    const callers = Array.from({ length: 3_000 }, (_, at) => `10.0.${at >> 8}.${at & 255}`);
    const before = callers.map((each) => byAddress(all, each));
    for (const each of all) {
      const share = before.filter((one) => one === each).length;
      expect(share).toBeGreaterThan(800);
      expect(share).toBeLessThan(1_200);
    }
    const after = callers.map((each) => byAddress([a, c], each));
    expect(after).toEqual(before.map((one, at) => (one === b ? after[at] : one)));
  });

  test('calls are counted until they end, once', () => {
    const calls = new Calls();
    const [first, second] = [calls.begin(a), calls.begin(a)];
    expect([calls.at(a), calls.at(b), calls.all]).toEqual([2, 0, 2]);
    first();
    first();
    expect([calls.at(a), calls.all]).toEqual([1, 1]);
    second();
    expect([calls.at(a), calls.all]).toEqual([0, 0]);
  });

  test('one that did not answer is left out for a second, unless there is no other', () => {
    let now = 0;
    const calls = new Calls(() => now);
    calls.failed(a);
    expect(calls.likely(all)).toEqual([b, c]);
    expect(calls.likely([a])).toEqual([a]);
    now = 1_000;
    expect(calls.likely(all)).toEqual(all);
  });
});

describe('the table', () => {
  const caller = { address: '10.0.0.9', cookie: undefined };
  const tableOf = (hand: Hand): IngressTable => new IngressTable(hand.known, new Calls());
  const instance = (table: IngressTable, from: Parameters<IngressTable['find']>[1] = caller) => {
    const found = table.find('web.localhost', from);
    return found.kind === 'endpoint' ? found.endpoint.instance : found.kind;
  };

  test('goes round, and follows every change', () => {
    const hand = handWith('a', 'b');
    const table = tableOf(hand);
    expect([1, 2, 3].map(() => instance(table))).toEqual(['a', 'b', 'a']);
    hand.observed(observedOf('a', { isReady: false }));
    expect([1, 2].map(() => instance(table))).toEqual(['b', 'b']);
    hand.node(nodeOf('n1', { liveness: 'offline' }));
    expect(instance(table)).toBe('none');
    hand.node(nodeOf('n1'));
    hand.put(routeRecord, { tenant: 'default', host: 'web.localhost' }, null);
    expect(instance(table)).toBe('unrouted');
    expect(table.find('else.localhost', caller).kind).toBe('unrouted');
  });

  test('gives another one after a failure, while there is one', () => {
    const hand = handWith('a', 'b');
    const table = tableOf(hand);
    for (let times = 0; times < 4; times++) {
      const next = table.find('web.localhost', caller, new Set(['a']));
      expect(next.kind === 'endpoint' && next.endpoint.instance).toBe('b');
    }
    hand.instance(instanceOf('b', { intent: 'stop' }));
    expect(table.find('web.localhost', caller, new Set(['a'])).kind).toBe('none');
  });

  test('brings a caller back by its cookie while the instance is ready, and tells the next one', () => {
    const hand = handWith('a', 'b', 'c');
    hand.route({ ...route, affinity: 'cookie' });
    const table = tableOf(hand);
    const first = table.find('web.localhost', caller);
    if (first.kind !== 'endpoint') throw new Error(first.kind);
    expect(first.cookie).toMatch(/^shoal-affinity=[0-9a-f]{16}; Path=\/; HttpOnly; SameSite=Lax$/);
    const cookie = `other=1; ${first.cookie?.split(';')[0]}; more=2`;
    const back = (): unknown => table.find('web.localhost', { ...caller, cookie });
    for (let times = 0; times < 5; times++) {
      expect(back()).toMatchObject({ endpoint: first.endpoint, cookie: undefined });
    }
    hand.observed(observedOf(first.endpoint.instance, { isReady: false }));
    expect(back()).toMatchObject({ cookie: expect.stringMatching(/^shoal-affinity=/) });
    for (const strange of ['shoal-affinity', 'shoal-affinity=', 'shoal-affinity=a', '=;;', '%%%']) {
      expect(table.find('web.localhost', { ...caller, cookie: strange }).kind).toBe('endpoint');
    }
  });

  test('brings a caller back by its address', () => {
    const hand = handWith('a', 'b', 'c');
    hand.route({ ...route, affinity: 'address' });
    const table = tableOf(hand);
    const taken = Array.from({ length: 60 }, (_, at) => {
      const from = { ...caller, address: `10.0.0.${at % 20}` };
      return instance(table, from);
    });
    expect(taken.slice(20, 40)).toEqual(taken.slice(0, 20));
    expect(new Set(taken).size).toBe(3);
  });
});

describe('a call that failed', () => {
  const attemptsOf = (method: string, ...tried: string[]): Attempts => {
    const attempts = new Attempts(method);
    for (const instance of tried) {
      attempts.begin({ instance, host: 'h', port: 1 }, () => undefined);
    }
    return attempts;
  };
  const refused = { kind: 'refused', text: '' } as const;
  const notTaken = { kind: 'not-taken', text: '' } as const;
  const hungUp = { kind: 'hung-up', text: '' } as const;
  const other = { kind: 'other', text: '' } as const;

  test.each([
    ['GET', true, true, false],
    ['HEAD', true, true, false],
    ['OPTIONS', true, true, false],
    ['PUT', true, true, false],
    ['DELETE', true, true, false],
    ['POST', true, false, false],
    ['PATCH', true, false, false],
  ])('%s goes on: not taken %s, hung up %s, else %s', (method, ...expected) => {
    const goesOn = [refused, hungUp, other].map((each) => attemptsOf(method, 'a').failed(each));
    expect(goesOn).toEqual(expected);
  });

  test('goes to three instances that hold it up at most', () => {
    const attempts = attemptsOf('GET', 'a', 'b', 'c');
    expect([1, 2, 3].map(() => attempts.failed(notTaken))).toEqual([true, true, false]);
  });

  test('goes past all instances of a node that died, each of which refuses at once, within bounds', () => {
    const many = Array.from({ length: 32 }, (_, at) => `dead-${at}`);
    expect(attemptsOf('POST', ...many.slice(1)).failed(refused)).toBe(true);
    expect(attemptsOf('POST', ...many).failed(refused)).toBe(false);
  });

  test('goes nowhere when its caller has gone, nor does its body', async () => {
    const attempts = attemptsOf('GET', 'a');
    attempts.end();
    expect(attempts.failed(refused)).toBe(false);
    const request = new PassThrough();
    request.destroy();
    await new Promise((resolve) => request.once('close', resolve));
    const body = attempts.bodyOf(request as unknown as IncomingMessage);
    await expect(text(body)).rejects.toThrow('the caller hung up');
  });

  test('goes on only while nothing of its body was read', async () => {
    const request = new PassThrough() as unknown as IncomingMessage;
    const attempts = attemptsOf('PUT', 'a');
    const first = attempts.bodyOf(request);
    first.destroy(new Error('no connection'));
    expect(attempts.failed(refused)).toBe(true);
    const second = attempts.bodyOf(request);
    (request as unknown as PassThrough).end('whole');
    expect(await text(second)).toBe('whole');
    expect(attempts.failed(refused)).toBe(false);
  });

  test('counts where it is, and no more when it is over', () => {
    const ended: string[] = [];
    const attempts = new Attempts('GET');
    attempts.begin({ instance: 'a', host: 'h', port: 1 }, () => ended.push('a'));
    attempts.begin({ instance: 'b', host: 'h', port: 2 }, () => ended.push('b'));
    expect(ended).toEqual(['a']);
    expect(attempts.endpoint.instance).toBe('b');
    attempts.end();
    expect(ended).toEqual(['a', 'b']);
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
    ).toEqual({ kind: 'other', text: 'it did not begin to answer in time' });
    expect(failureOf(new Error('what else'))).toEqual({ kind: 'other', text: 'what else' });
  });

  test('before the instance was reached may be tried elsewhere', () => {
    const kinds = ['ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT', 'ECONNRESET', 'EPIPE'].map(
      (code) => failureOf(error(code)).kind,
    );
    expect(kinds).toEqual(['refused', 'not-taken', 'hung-up', 'hung-up']);
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
    expect(withCookie(answerHeaders(given), 'c')['set-cookie']).toEqual(['a', 'b', 'c']);
    expect(withCookie({ 'set-cookie': 'a' }, 'c')['set-cookie']).toEqual(['a', 'c']);
    expect(withCookie({}, 'c')['set-cookie']).toEqual(['c']);
    expect(withCookie({}, undefined)).toEqual({});
  });
});
