/** The ingress: host names to ready instances, HTTP and WebSocket, and what happens without one. */
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../../support/ports.ts';
import { Fabric, service } from './fabric.ts';
import { echo } from './fake-node.ts';

let fabric: Fabric;
const ports = [{ name: 'http' }];
beforeAll(async () => {
  fabric = await Fabric.start(2);
  const web = { ports, ingress: { host: 'web.localhost' } };
  await fabric.put('web', service('web', web));
  await fabric.put(
    'none',
    service('none', { count: 0, ports, ingress: { host: 'none.localhost' } }),
  );
  await fabric.until('web', 'ready');
});
afterAll(async () => {
  await fabric?.[Symbol.asyncDispose]();
});
afterEach(() => {
  for (const node of fabric.nodes) node.answer = echo;
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely
  readonly body: any;
}

interface Call {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

function call(
  host: string,
  { method = 'GET', path = '/', headers = {}, body }: Call = {},
): Promise<Answer> {
  const { hostname, port } = new URL(fabric.gateway.ingressUrl);
  return new Promise((resolve, reject) => {
    const asked = request(
      { hostname, port, method, path, headers: { ...headers, host } },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.once('error', reject);
        response.on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => {
          const isJson = /json/.test(response.headers['content-type'] ?? '');
          const status = response.statusCode ?? 0;
          resolve({
            status,
            headers: response.headers,
            text,
            body: isJson && text ? JSON.parse(text) : text,
          });
        });
      },
    );
    asked.once('error', reject);
    asked.end(body);
  });
}

/** Waits until both instances are called: one that failed is left out for a while. */
async function bothCalled(): Promise<void> {
  const seen = new Set<string>();
  await eventually(async () => seen.add((await call('web.localhost')).body.instance).size === 2);
}

/** A server that hangs up on each call. */
const hangUp = (request_: IncomingMessage): void => void request_.socket.destroy();

describe('a call', () => {
  test('goes to each ready instance in turn, whatever the case and port of the host', async () => {
    const seen = new Set<string>();
    for (const host of ['web.localhost', 'WEB.localhost:8481', 'web.localhost.']) {
      seen.add((await call(host)).body.instance);
    }
    expect(seen.size).toBe(2);
  });

  test('keeps method, path, query, body and headers; the instance learns who asks', async () => {
    const { status, body, headers } = await call('web.localhost', {
      ...{
        method: 'POST',
        path: '/a/b%20c?x=1&x=2&y=%2F',
        body: 'hello',
      },
      headers: { 'x-own': 'yes', 'content-type': 'application/x-thing', 'x-request-id': 'id-7' },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ method: 'POST', url: '/a/b%20c?x=1&x=2&y=%2F', body: 'hello' });
    expect(body.headers).toMatchObject({
      ...{ host: 'web.localhost', 'x-own': 'yes', 'content-type': 'application/x-thing' },
      ...{ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'web.localhost' },
      ...{ 'x-forwarded-proto': 'http', 'x-request-id': 'id-7' },
    });
    expect(headers['x-instance']).toBe(body.instance);
    expect(headers['x-request-id']).toBe('id-7');
  });

  test('may have any method, with its body', async () => {
    for (const method of ['PROPFIND', 'REPORT', 'QUERY', 'PURGE', 'MKCOL']) {
      const sent = { method, path: '/dav', body: '<a/>', headers: { 'content-type': 'text/xml' } };
      const { status, body } = await call('web.localhost', sent);
      expect([status, body.method, body.url, body.body]).toEqual([200, method, '/dav', '<a/>']);
    }
    const { status, body } = await call('web.localhost', { method: 'TRACE' });
    expect([status, body.code]).toEqual([405, 'method-not-allowed']);
  });

  test('may have a path of many slashes', async () => {
    for (const path of ['//a//b?x=//c', '///', '/a/https://example.com//b/']) {
      expect((await call('web.localhost', { path })).body.url).toBe(path);
    }
  });

  test('takes a JSON body as it is, also one that is none, and a large one', async () => {
    const headers = { 'content-type': 'application/json' };
    const broken = await call('web.localhost', { method: 'PUT', body: '{"a": ', headers });
    expect(broken.body.body).toBe('{"a": ');
    const large = 'z'.repeat(3_000_000);
    const sent = await call('web.localhost', { method: 'POST', body: large, headers });
    expect(sent.body.body.length).toBe(large.length);
  });

  test('leaves what concerns one connection on it', async () => {
    const headers = {
      connection: 'x-hop, close',
      'x-hop': '1',
      te: 'trailers',
      expect: '100-continue',
    };
    const { body } = await call('web.localhost', { method: 'GET', headers });
    for (const name of ['x-hop', 'te', 'expect']) expect(body.headers[name]).toBeUndefined();
  });

  test('gets the answer as it is: status, many cookies, no body', async () => {
    for (const node of fabric.nodes) {
      node.answer = (_request, response) => {
        response.writeHead(418, { 'set-cookie': ['a=1', 'b=2'], location: '/else', 'x-odd': 'ä' });
        response.end();
      };
    }
    const { status, headers, text } = await call('web.localhost');
    expect({ status, text }).toEqual({ status: 418, text: '' });
    expect(headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(headers.location).toBe('/else');
  });

  test('is streamed: the first part is there before the last is written', async () => {
    let end: () => void = () => undefined;
    for (const node of fabric.nodes) {
      node.answer = (_request, response) => {
        response.write('first');
        end = () => response.end('last');
      };
    }
    const response = await new Promise<IncomingMessage>((resolve) => {
      const { hostname, port } = new URL(fabric.gateway.ingressUrl);
      request({ hostname, port, headers: { host: 'web.localhost' } }, resolve).end();
    });
    response.setEncoding('utf8');
    const first = await new Promise<string>((resolve) => response.once('data', resolve));
    expect(first).toBe('first');
    end();
    const last = await new Promise<string>((resolve) => response.once('data', resolve));
    expect(last).toBe('last');
  });

  test('a very long path goes through', async () => {
    const path = `/${'p'.repeat(2_000)}`;
    expect((await call('web.localhost', { path })).body.url).toBe(path);
  });
});

describe('without a way', () => {
  test('an unknown host, none at all, and one without a ready instance', async () => {
    for (const host of ['nobody.localhost', 'no_host!', '..', 'a b']) {
      const { status, body } = await call(host);
      expect([status, body.code]).toEqual([404, 'host-unrouted']);
    }
    const { status, body, headers } = await call('none.localhost');
    expect([status, body.code]).toEqual([503, 'endpoints-none']);
    expect(headers['retry-after']).toBe('1');
  });

  test('a path that climbs out is refused', async () => {
    const { status, body } = await call('web.localhost', { path: '/%2e%2e/%2e%2e/etc' });
    expect([status, body.code]).toEqual([400, 'request-malformed']);
  });
});

test('a caller comes back to its instance by a cookie, where the service asks for that', async () => {
  const host = 'kept.localhost';
  await fabric.put('kept', service('kept', { ports, ingress: { host, affinity: 'cookie' } }));
  await fabric.until('kept', 'ready');
  const first = await call(host);
  const [told] = first.headers['set-cookie'] ?? [];
  expect(told).toMatch(/^shoal-affinity=/);
  const cookie = told!.split(';')[0]!;
  for (let times = 0; times < 4; times++) {
    const { body, headers } = await call(host, { headers: { cookie } });
    expect([body.instance, headers['set-cookie']]).toEqual([first.body.instance, undefined]);
  }
  await fabric.put('kept', service('kept', { ports, ingress: { host } }));
  await eventually(async () => !(await call(host)).headers['set-cookie']);
  await fabric.call('DELETE', 'workloads/kept');
  await eventually(async () => (await fabric.get('workloads/kept')).status === 404);
});

describe('an instance that fails', () => {
  test('a PUT whose body it had begun to read is not sent to another one', async () => {
    for (const node of fabric.nodes) {
      node.answer = (request_) => {
        request_.once('data', () => request_.socket.destroy());
      };
    }
    const { status, body } = await call('web.localhost', {
      method: 'PUT',
      body: 'x'.repeat(9_000),
    });
    expect([status, body.code]).toEqual([502, 'endpoint-failed']);
  });

  test('a GET is tried on another one; a POST is not', async () => {
    const [broken, sound] = fabric.nodes;
    broken!.answer = hangUp;
    const name = [...sound!.running.values()][0]!.input.instance;
    for (let times = 0; times < 4; times++) {
      expect((await call('web.localhost')).body.instance).toBe(name);
    }
    // It is left out for a second; then it is asked again.
    const posts = new Set<number>();
    await eventually(async () => {
      posts.add((await call('web.localhost', { method: 'POST', body: 'x' })).status);
      return posts.has(502) && posts.has(200);
    });
  });

  test('what takes no connection never had the call: a POST with its body goes to another', async () => {
    await bothCalled();
    const [away, sound] = fabric.nodes;
    const name = [...sound!.running.values()][0]!.input.instance;
    const back = await away!.deaf();
    try {
      for (let times = 0; times < 4; times++) {
        const sent = { method: 'POST', body: `body ${times}`, headers: { 'x-time': `${times}` } };
        const { status, body } = await call('web.localhost', sent);
        expect([status, body.instance, body.body]).toEqual([200, name, `body ${times}`]);
      }
    } finally {
      await back();
    }
    const metrics = await fabric.get(`${fabric.gateway.apiUrl}/metrics`);
    expect(metrics.body).toMatch(/shoal_ingress_tried_again_total\{host="web.localhost"\} [1-9]/);
  });

  test('a slow one gets fewer calls', async () => {
    await bothCalled();
    const [slow] = fabric.nodes;
    const held: (() => void)[] = [];
    slow!.answer = (request_, response, instance) =>
      void held.push(() => echo(request_, response, instance));
    const calls = Array.from({ length: 2 }, () => call('web.localhost'));
    await eventually(() => held.length === 1);
    const name = [...slow!.running.values()][0]!.input.instance;
    const others: Answer[] = [];
    for (let times = 0; times < 8; times++) others.push(await call('web.localhost'));
    expect(others.map(({ body }) => body.instance)).not.toContain(name);
    for (const answer of held) answer();
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200]);
    const under = (await fabric.get(`${fabric.gateway.apiUrl}/metrics`)).body;
    expect(under).toMatch(/shoal_ingress_under_way 0\n/);
  });

  test('all of them: 502 with the reason', async () => {
    for (const node of fabric.nodes) node.answer = hangUp;
    const { status, body, headers } = await call('web.localhost');
    expect([status, body.code]).toEqual([502, 'endpoint-failed']);
    expect(body.detail).toMatch(/^web-\w+: it hung up before it answered$/);
    expect(headers['retry-after']).toBe('1');
    const head = await call('web.localhost', { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([502, '']);
  });

  test('a 503 of its own is passed on once, not repeated', async () => {
    let calls = 0;
    for (const node of fabric.nodes) {
      node.answer = (_request, response) => {
        calls++;
        response.writeHead(503, { 'retry-after': '1' }).end('own words');
      };
    }
    const { status, text } = await call('web.localhost');
    expect({ status, text, calls }).toEqual({ status: 503, text: 'own words', calls: 1 });
  });

  test('one that breaks off in the middle ends the answer, not the gateway', async () => {
    for (const node of fabric.nodes) {
      node.answer = (request_, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('half');
        setImmediate(() => request_.socket.destroy());
      };
    }
    await expect(call('web.localhost')).rejects.toThrow(/aborted|hang up|ECONNRESET/);
    expect((await call('none.localhost')).status).toBe(503);
  });
});

describe('a WebSocket', () => {
  const open = (host: string, path = '/chat?x=1', headers = {}): WebSocket => {
    const url = `${fabric.gateway.ingressUrl.replace('http', 'ws')}${path}`;
    return new WebSocket(url, { headers: { host, ...headers } });
  };
  const message = (socket: WebSocket): Promise<string> =>
    new Promise((resolve, reject) => {
      socket.once('message', (data) => resolve(String(data)));
      socket.once('error', reject);
    });

  test('goes both ways, with its headers', async () => {
    const socket = open('web.localhost', '/chat?x=1', {
      'x-own': 'yes',
      origin: 'http://web.localhost',
    });
    const first = JSON.parse(await message(socket));
    expect(first).toMatchObject({ url: '/chat?x=1' });
    expect(first.headers).toMatchObject({
      ...{ 'x-own': 'yes', origin: 'http://web.localhost', 'x-forwarded-for': '127.0.0.1' },
    });
    socket.send('hello');
    expect(await message(socket)).toBe('hello');
    const metrics = await fabric.get(`${fabric.gateway.apiUrl}/metrics`);
    expect(metrics.body).toMatch(/shoal_ingress_websockets 1\n/);
    socket.close();
    await eventually(async () =>
      /shoal_ingress_websockets 0\n/.test(
        (await fabric.get(`${fabric.gateway.apiUrl}/metrics`)).body,
      ),
    );
  });

  test('to a host nobody serves, or where nothing is ready, is refused with its status', async () => {
    for (const [host, status] of [
      ['nobody.localhost', 404],
      ['none.localhost', 503],
    ] as const) {
      const socket = open(host);
      const got = await new Promise<number | undefined>((resolve) => {
        socket.once('unexpected-response', (_request, response) => resolve(response.statusCode));
        socket.once('error', () => undefined);
      });
      expect(got).toBe(status);
    }
  });

  test('to an instance that has gone ends', async () => {
    const names = fabric.nodes.flatMap((node) =>
      [...node.running.keys()].map((name) => ({ node, name })),
    );
    const socket = open('web.localhost');
    await message(socket);
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    for (const { node, name } of names) node.crash(name);
    expect(await closed).toBeGreaterThan(1000);
    await eventually(async () => {
      const { items } = (await fabric.get('instances?workload=web&phase=ready')).body;
      return items.length === 2 && items.every((each: { restarts: number }) => each.restarts > 0);
    });
  });

  test('other upgrades, half ones and vanished ones do not disturb', async () => {
    const { hostname, port } = new URL(fabric.gateway.ingressUrl);
    const raw = (text: string): Promise<string> =>
      new Promise((resolve) => {
        const socket = connect(Number(port), hostname);
        let got = '';
        socket.on('data', (part) => {
          got += part;
        });
        socket.on('error', () => resolve(got));
        socket.on('close', () => resolve(got));
        socket.write(text);
        if (text.includes('vanish')) socket.resetAndDestroy();
      });
    const head = (host: string, upgrade: string, more = '') =>
      `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n${more}\r\n`;
    expect(await raw(head('web.localhost', 'h2c'))).toMatch(
      /^HTTP\/1\.1 400[\s\S]*request-malformed/,
    );
    expect(await raw(head('web.localhost', 'websocket'))).toMatch(/^HTTP\/1\.1 4\d\d/);
    expect(await raw(head('nobody.localhost', 'websocket'))).toMatch(
      /^HTTP\/1\.1 404[\s\S]*host-unrouted/,
    );
    for (let times = 0; times < 20; times++) {
      await raw(head('nobody.localhost', 'websocket', 'X-Note: vanish\r\n'));
    }
    expect(await raw('NONSENSE\r\n\r\n')).toMatch(/^HTTP\/1\.1 400[\s\S]*request-malformed/);
    expect((await call('web.localhost')).status).toBe(200);
  });
});

test('an instance that has vanished unnoticed costs a GET nothing', async () => {
  const [node] = fabric.nodes;
  const [name] = [...node!.running.keys()];
  node!.vanish(name!);
  for (let times = 0; times < 4; times++) expect((await call('web.localhost')).status).toBe(200);
  node!.crash(name!);
  await fabric.until('web', 'ready');
});
