/** Reaching into instances of a real fabric, through the gateway, by command line and WebSocket. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { packed } from '../../archive/pack.ts';
import { freePort } from '../../nats/start.ts';
import { readBinary, SESSION_PROTOCOL } from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { GrpcClient } from '../support/grpc-client.ts';
import { eventually } from '../support/ports.ts';
import { Running } from '../support/running.ts';
import { shoalHere } from '../support/shoal-here.ts';

/** Says what it hears on its port, and at the end how many bytes that were. */
const ECHO = `require("net").createServer({ allowHalfOpen: true }, (socket) => {
  let bytes = 0;
  socket.on("data", (chunk) => { bytes += chunk.length; });
  socket.on("error", () => {});
  socket.on("end", () => socket.end("<" + bytes + ">"));
  socket.pipe(socket, { end: false });
}).listen(process.env.PORT, "127.0.0.1")`;

let under: FabricUnderTest;
let environment: Readonly<Record<string, string>>;
let grpcPort: number;
/** An instance on each node. */
let on1: string;
let on2: string;

beforeAll(async () => {
  grpcPort = await freePort();
  under = await fabricUnderTest(['n1', 'n2'], {
    environment: { SHOAL_GRPC_PORT: String(grpcPort) },
  });
  environment = { SHOAL_GATEWAY: under.fabric.gatewayUrl };
  const manifest = {
    ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name: 'web' } },
    spec: {
      ...{ count: 2, command: ['node', '-e', ECHO], ports: [{ name: 'tcp' }], grace: '1s' },
      environment: { GREETING: 'hello' },
    },
  };
  const put = await fetch(`${under.fabric.gatewayUrl}/api/v1/workloads/web`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(manifest),
  });
  expect(put.status).toBe(201);
  await eventually(() => under.ready('web').length === 2, 20_000, 'two instances');
  const at = (node: string): string =>
    under.ready('web').find((each) => each.node === node)?.instance ?? '';
  [on1, on2] = [at('n1'), at('n2')];
});
afterAll(() => under?.[Symbol.asyncDispose]());

const begin = (words: readonly string[]): Running => new Running(words, environment);
const shoal = (words: readonly string[], stdin?: string | Uint8Array) =>
  shoalHere(words, environment, stdin);
const exec = (words: readonly string[], stdin?: string | Uint8Array) =>
  shoal(['exec', ...words], stdin);

const nothing = { file: () => undefined, say: () => undefined };
async function all(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const chunk of chunks) pieces.push(chunk);
  return Buffer.concat(pieces);
}

/** How long to sleep: like nobody else on this machine. */
const mark = (seconds: number): string => `${seconds}.${process.pid}`;

/** Processes of this machine whose command line says so. */
async function saying(asked: string): Promise<number> {
  const ids = (await readdir('/proc')).filter((each) => /^\d+$/.test(each));
  const lines = await Promise.all(
    ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')),
  );
  // Not the command lines that asked for it.
  return lines.filter((line) => line.startsWith('sleep') && line.includes(asked)).length;
}
const there = (asked: string) =>
  eventually(async () => (await saying(asked)) > 0, 30_000, `${asked} to run`);
const gone = (asked: string) =>
  eventually(async () => (await saying(asked)) === 0, 30_000, `${asked} to be gone`);

const socketUrl = (path: string) =>
  `${under.fabric.gatewayUrl.replace('http', 'ws')}/api/v1/instances/${path}`;

/** What a call for a WebSocket is refused with. */
function refusedWith(path: string, protocol = SESSION_PROTOCOL, headers = {}) {
  return new Promise<{ status: number; code: string; type: string }>((resolve, reject) => {
    const socket = new WebSocket(socketUrl(path), protocol, { headers });
    socket.once('open', () => reject(new Error('it was opened')));
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, answer) => {
      let text = '';
      answer.on('data', (piece) => {
        text += piece;
      });
      answer.on('end', () => {
        const { code } = JSON.parse(text) as { code: string };
        resolve({
          ...{ status: answer.statusCode ?? 0, code },
          type: answer.headers['content-type'] ?? '',
        });
      });
    });
  });
}

describe('a command in an instance', () => {
  test('passes on stdin, both outputs apart and the exit code, in its environment', async () => {
    const script = 'echo "$GREETING $SHOAL_INSTANCE $0"; cat; echo no >&2; exit 7';
    const ran = await exec(['-i', on2, '--', 'sh', '-c', script, 'a b'], 'from stdin');
    expect(ran).toEqual({ code: 7, out: `hello ${on2} a b\nfrom stdin`, err: 'no\n' });
  });

  test('of a workload runs in one that is ready; without -i it hears nothing', async () => {
    const ran = await exec(['web', '--', 'sh', '-c', 'cat; kill -9 $$'], 'not passed on');
    expect(ran).toEqual({ code: 137, out: '', err: '' });
  });

  test('passes on megabytes both ways, to the last byte', async () => {
    const much = Buffer.alloc(5_000_000, 'abcdefg');
    const ran = await exec(['-i', on2, '--', 'sh', '-c', 'cat; echo end'], much);
    expect(ran.code).toBe(0);
    expect(ran.out === `${much}end\n`).toBe(true);
  });

  test('that cannot be begun is refused with the next step', async () => {
    const [missing, nobody, typed] = await Promise.all([
      exec([on2, '--', 'no-such-program']),
      exec(['nobody', '--', 'true']),
      exec(['-it', on2, '--', 'true']),
    ]);
    expect(missing.code).toBe(1);
    expect(missing.err).toMatch(/session-not-begun.*|no no-such-program on PATH/);
    expect([nobody.code, nobody.err]).toEqual([1, expect.stringContaining('shoal get instances')]);
    expect([typed.code, typed.err]).toEqual([2, expect.stringContaining('leave out -t')]);
  });

  test('has a terminal of the size of the caller’s, which is as it was afterwards', async () => {
    const line = `stty rows 31 cols 91; before=$(stty -g); node dist/cli/main.js exec -it ${on2} -- sh -c 'stty size; echo $TERM; exit 4'; echo "code $?"; [ "$before" = "$(stty -g)" ] && echo same`;
    const child = spawn('script', ['-qefc', line, '/dev/null'], {
      env: { ...process.env, ...environment, TERM: 'vt220' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (piece) => {
      said += piece;
    });
    await new Promise((resolve) => child.once('close', resolve));
    // Node leaves a terminal that adds \r to each \n.
    expect(said).toMatch(/31 91\r+\nvt220\r+\ncode 4\r\nsame\r\n/);
  });

  test('ends with the command line, however that ends', async () => {
    const killed = begin(['exec', on2, '--', 'sleep', mark(321)]);
    const interrupted = begin(['exec', on2, '--', 'sleep', mark(322)]);
    await Promise.all([there(mark(321)), there(mark(322))]);
    killed.child.kill('SIGKILL');
    interrupted.child.kill('SIGINT');
    expect((await interrupted.end()).code).toBe(130);
    await Promise.all([gone(mark(321)), gone(mark(322))]);
  });
});

describe('a call for a session', () => {
  test.each([
    ['with no such instance', 'web-xxxxx/exec?command=ls', 404, 'instance-not-found'],
    ['without a command', 'on2/exec', 400, 'request-malformed'],
    ['with a size that is none', 'on2/exec?command=ls&rows=0', 400, 'request-malformed'],
    ['with a command that is not there', 'on2/exec?command=no-such', 422, 'session-not-begun'],
    ['to a port that is not of the spec', 'on2/forward?port=22', 422, 'session-not-begun'],
  ])('%s is a problem before it is a WebSocket', async (_, path, status, code) => {
    const refused = await refusedWith(path.replace('on2', on2));
    expect(refused).toEqual({ status, code, type: expect.stringMatching(/^application\/problem/) });
  });

  test('by plain HTTP, of another subprotocol, or by a page of another site is refused', async () => {
    const path = `${on2}/exec?command=true`;
    const plain = await fetch(socketUrl(path).replace('ws', 'http'));
    expect([plain.status, plain.headers.get('upgrade')]).toEqual([426, 'websocket']);
    expect(await refusedWith(path, 'chat')).toMatchObject({ status: 426 });
    const origin = { origin: 'https://evil.example' };
    expect(await refusedWith(path, SESSION_PROTOCOL, origin)).toMatchObject({
      ...{ status: 403, code: 'origin-foreign' },
    });
  });

  test('may say rubbish once it is open: it is told so, and others go on', async () => {
    const said: string[] = [];
    const socket = new WebSocket(socketUrl(`${on2}/exec?command=cat`), SESSION_PROTOCOL);
    socket.once('open', () => socket.send('{"size": 1}'));
    socket.on('message', (data) => said.push(String(data)));
    await new Promise((resolve) => socket.once('close', resolve));
    expect(JSON.parse(said[0] ?? '')).toMatchObject({ refused: { code: 'request-malformed' } });
    const other = new WebSocket(socketUrl(`${on2}/exec?command=echo&command=x`), SESSION_PROTOCOL);
    const messages: Buffer[] = [];
    other.on('message', (data) => messages.push(data as Buffer));
    await new Promise((resolve) => other.once('close', resolve));
    expect(readBinary(messages[0] ?? Buffer.alloc(0))).toMatchObject({ channel: 'output' });
    expect(JSON.parse(String(messages[1]))).toEqual({ ended: { exitCode: 0 } });
  });

  test('is the only upgrade: a client that offers another one is answered as if it had not', async () => {
    const { port } = new URL(under.fabric.gatewayUrl);
    const body = JSON.stringify({ count: 2 });
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1');
      let text = '';
      socket.on('data', (piece) => {
        text += piece;
        if (text.includes('\r\n\r\n')) socket.end();
      });
      socket.on('close', () => resolve(text));
      const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA';
      const head = `POST /api/v1/workloads/web/scale HTTP/1.1\r\nHost: x\r\n${offer}`;
      const type = 'Content-Type: application/json';
      socket.write(`${head}\r\n${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
  });
});

describe('a port of an instance', () => {
  let forward: Running;
  let local: number;
  /** Counted down: sockets of this test are all closed in the end. */
  const open: Socket[] = [];

  beforeAll(async () => {
    forward = begin(['port-forward', on2, '0:tcp', '-o', 'json']);
    await eventually(() => forward.out.includes('\n'), 10_000, 'it to listen');
    local = (JSON.parse(forward.out) as { local: number }).local;
  });
  afterAll(async () => {
    forward.child.kill('SIGINT');
    expect((await forward.end()).code).toBe(130);
    for (const each of open) each.destroy();
  });

  /** Says all of it, and nothing more; resolves with what came back until the end. */
  const said = (bytes: Uint8Array): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port: local, host: '127.0.0.1', allowHalfOpen: true });
      open.push(socket);
      const pieces: Buffer[] = [];
      socket.on('data', (piece) => pieces.push(piece));
      socket.once('error', reject);
      socket.once('end', () => resolve(Buffer.concat(pieces)));
      socket.end(bytes);
    });

  test('is reached as if it were here, each half to its end, many at once', async () => {
    const much = Buffer.alloc(3_000_000, '0123456789');
    const [short, long, ...others] = await Promise.all([
      said(Buffer.from('hello')),
      said(much),
      ...Array.from({ length: 10 }, (_, each) => said(Buffer.from(`n${each}`))),
    ]);
    expect(String(short)).toBe('hello<5>');
    expect(long?.equals(Buffer.concat([much, Buffer.from('<3000000>')]))).toBe(true);
    expect(others.map(String)).toEqual(Array.from({ length: 10 }, (_, each) => `n${each}<2>`));
  });

  test('that is taken already, or is none, is said so before anything listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const taken = await shoal(['port-forward', on2, `${port}:tcp`]);
    expect([taken.code, taken.err]).toEqual([
      1,
      expect.stringMatching(/is in use; choose another/),
    ]);
    server.close();
    const none = await shoal(['port-forward', on2, 'a:b:c']);
    expect([none.code, none.err]).toEqual([2, expect.stringContaining('is no port')]);
  });
});

describe('files of an instance', () => {
  let here: string;
  beforeAll(async () => {
    here = await mkdtemp(join(tmpdir(), 'shoal-cp-'));
    await mkdir(join(here, 'site', 'css'), { recursive: true });
    await writeFile(join(here, 'site', 'index.html'), '<p>', { mode: 0o640 });
    await writeFile(join(here, 'site', 'css', 'much'), Buffer.alloc(2_000_000, 'c'));
  });
  afterAll(() => rm(here, { recursive: true, force: true }));
  const cp = (...words: string[]) => shoal(['cp', ...words]);
  const inside = async (script: string): Promise<string> =>
    (await exec([on2, '--', 'sh', '-c', `cd "$SHOAL_FOLDER"; ${script}`])).out;

  test('go in and come out, as files, folders and archives, and it is told how many', async () => {
    const sent = await cp('--json', join(here, 'site'), `${on2}:/www`);
    expect([sent.code, sent.err]).toEqual([0, '']);
    expect(JSON.parse(sent.out)).toMatchObject({
      ...{ instance: on2, direction: 'to', path: '/www', files: 2 },
      bytes: expect.any(Number),
    });
    expect(await inside('stat -c %a www/index.html; wc -c < www/css/much')).toBe('640\n2000000\n');
    const [folder, file, archive] = await Promise.all([
      cp(`${on2}:/www`, join(here, 'back')),
      cp(`${on2}:www/index.html`, here),
      cp(`${on2}:/www/css/.`, '-'),
    ]);
    expect(folder).toMatchObject({ code: 0, err: '' });
    expect(folder.out).toMatch(/^copied 2 files, 1\.9 MiB, from web-\w+:\/www\n$/);
    expect(await readdir(join(here, 'back', 'css'))).toEqual(['much']);
    expect(await readFile(join(here, 'index.html'), 'utf8')).toBe('<p>');
    expect([file.code, archive.code, archive.err]).toEqual([0, 0, '']);
    expect(archive.out.length).toBeGreaterThan(2_000_000);
    const again = await shoal(['cp', '-', `${on2}:/www`], archive.out);
    expect(again).toMatchObject({ code: 0, err: '' });
    expect(await inside('cmp www/much www/css/much && echo same')).toBe('same\n');
  });

  test('that cannot be copied are refused in words, on the side where they cannot', async () => {
    const [none, away, nobody, both, local] = await Promise.all([
      cp(`${on2}:/nothing`, here),
      cp(`${on2}:/../x`, here),
      cp(join(here, 'site'), `${on2}:/no/such`),
      cp(`${on2}:/www`, `${on1}:/www`),
      cp(`${on2}:/www`, join(here, 'no', 'such')),
    ]);
    expect([none.code, none.err]).toEqual([1, expect.stringContaining('there is no /nothing')]);
    expect([away.code, away.err]).toEqual([1, expect.stringContaining('leads out')]);
    expect([nobody.code, nobody.err]).toEqual([
      1,
      expect.stringMatching(/^error: there is no folder for \/no\/such/),
    ]);
    expect([both.code, both.err]).toEqual([2, expect.stringContaining('must be here')]);
    expect([local.code, local.err]).toEqual([
      1,
      expect.stringContaining('error: here: there is no folder'),
    ]);
  });

  test('are there whole or not at all when the command line is killed in the middle', async () => {
    const folder = (await inside('echo old > slow; pwd')).trim();
    const archive = await all(packed(join(here, 'site', 'css', 'much'), 'slow', nothing));
    const killed = begin(['cp', '-', `${on2}:/`]);
    killed.child.stdin?.write(archive.subarray(0, 1_000_000));
    const beside = async () =>
      (await readdir(folder)).filter((name) => name.startsWith('.shoal-')).length;
    await eventually(async () => (await beside()) === 1, 20_000, 'it to be under way');
    killed.child.kill('SIGKILL');
    await eventually(async () => (await beside()) === 0, 10_000, 'the half of it to go');
    expect(await readFile(join(folder, 'slow'), 'utf8')).toBe('old\n');
  });
});

describe('who is attached to an instance', () => {
  /** Prints on both outputs, tells of USR1, and exits with 7 at INT. */
  const TALKER = `console.log("start");
    setInterval(() => { console.log("tick"); console.error("tock"); }, 50);
    process.on("SIGUSR1", () => console.log("usr"));
    process.on("SIGINT", () => { console.log("bye"); process.exit(7); });`;
  let id: string;
  beforeAll(async () => {
    const manifest = {
      ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name: 'talker' } },
      spec: { count: 1, command: ['node', '-e', TALKER] },
    };
    const put = await fetch(`${under.fabric.gatewayUrl}/api/v1/workloads/talker`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(manifest),
    });
    expect(put.status).toBe(201);
    await eventually(() => under.ready('talker').length === 1, 20_000, 'the talker');
    id = under.ready('talker')[0]?.instance ?? '';
  });

  test('gets what its run prints and its exit code; only --sig-proxy passes signals on', async () => {
    const proxied = begin(['attach', id, '--sig-proxy']);
    const watching = begin(['attach', 'talker', '--json']);
    const talks = (of: Running) => () =>
      of.out.includes('tick') && (of.err + of.out).includes('tock');
    await Promise.all(
      [proxied, watching].map((each) => eventually(talks(each), 10_000, 'it to be attached')),
    );
    proxied.child.kill('SIGUSR1');
    await eventually(() => proxied.out.includes('usr\n'), 10_000, 'the signal to arrive');
    watching.child.kill('SIGINT');
    expect((await watching.end()).code).toBe(130);
    const lines = watching.out.trim().split('\n');
    expect(lines.map((each) => JSON.parse(each))).toContainEqual({
      ...{ instance: id, stream: 'stderr', text: 'tock' },
    });
    // That one left the program alone.
    const before = proxied.out.length;
    await eventually(() => proxied.out.length > before, 10_000, 'more output');
    const last = begin(['attach', id, '--json']);
    await eventually(talks(last), 10_000, 'it to be attached');
    proxied.child.kill('SIGINT');
    const [ended, told] = await Promise.all([proxied.end(), last.end()]);
    expect([ended.code, told.code, told.err]).toEqual([7, 7, '']);
    // Nothing of before, and nothing of the run that follows.
    expect(ended.out).toMatch(/^(tick\n)+usr\n(tick\n)*bye\n$/);
    const [said = '', ...tocks] = ended.err.trim().split('\n').reverse();
    expect(said).toBe(`${id} exited with 7; a restart is another run: attach again`);
    expect(new Set(tocks)).toEqual(new Set(['tock']));
    expect(JSON.parse(told.out.trim().split('\n').at(-1) ?? '')).toEqual({
      ...{ instance: id, ended: { exitCode: 7 } },
    });
  });

  test('cannot tell it anything, and is refused what is not there', async () => {
    await eventually(() => under.ready('talker').length === 1, 20_000, 'its next run');
    const socket = new WebSocket(socketUrl(`${id}/attach`), SESSION_PROTOCOL);
    const notes: string[] = [];
    socket.on('message', (data, isBinary) => void (isBinary || notes.push(String(data))));
    await once(socket, 'open');
    socket.send(Buffer.from([0, 120]));
    await once(socket, 'close');
    expect(JSON.parse(notes[0] ?? '')).toMatchObject({ refused: { code: 'session-unsupported' } });
    const none = await shoal(['attach', id, '--sidecar', 'proxy']);
    expect([none.code, none.err]).toEqual([1, expect.stringContaining('has no sidecar proxy')]);
  });
});

describe('a session by gRPC', () => {
  test('is a call: megabytes both ways to the last byte, its code, and its end with the call', async () => {
    using client = new GrpcClient(`127.0.0.1:${grpcPort}`);
    const open = (...command: string[]) => {
      const call = client.duplex('Sessions/OpenSession');
      call.on('error', () => undefined);
      call.write({ open: { instance: on2, exec: { command } } });
      return call;
    };
    const call = open('sh', '-c', 'cat; exit 7');
    const pieces: Buffer[] = [];
    let code: unknown;
    call.on('data', ({ bytes, ended }) => {
      if (bytes?.length) pieces.push(bytes);
      if (ended) code = ended.exitCode;
    });
    const done = once(call, 'end');
    const much = Buffer.alloc(60_000, '0123456789');
    for (let sent = 0; sent < 50; sent++) {
      if (!call.write({ bytes: much })) await once(call, 'drain');
    }
    call.end();
    await done;
    expect([code, Buffer.concat(pieces).length]).toEqual([7, 3_000_000]);
    const other = open('sleep', mark(341));
    await there(mark(341));
    other.cancel();
    await gone(mark(341));
  });
});

describe('both sides end, and nothing is left', () => {
  const lost = { code: 3, err: expect.stringMatching(/^error: .+\n$/) };

  test('when an agent is killed: the command at once; then nats-server: all, within seconds', async () => {
    const running = begin(['exec', on1, '--', 'sleep', mark(331)]);
    const typed = begin(['exec', '-t', on1, '--', 'sleep', mark(332)]);
    const other = begin(['exec', on2, '--', 'sleep', mark(334)]);
    await Promise.all([there(mark(331)), there(mark(332)), there(mark(334))]);
    await under.fabric.child('agent-n1').stop('SIGKILL');
    await Promise.all([gone(mark(331)), gone(mark(332))]);
    expect(other.child.exitCode).toBeNull();
    await under.fabric.child(under.fabric.servers[0] ?? '').stop('SIGKILL');
    const ended = await Promise.all([running.end(), typed.end(), other.end()]);
    for (const each of ended) {
      expect(each).toMatchObject(lost);
      expect(each.err).toContain('nothing was heard');
    }
    await gone(mark(334));
    await under.fabric.startServer(0);
    await under.fabric.startAgent('n1');
    await eventually(
      async () => (await exec([on1, '--', 'echo', 'again'])).out === 'again\n',
      20_000,
      'the agent that came after',
    );
  });

  test('when the gateway is killed: its caller at once, the command within seconds', async () => {
    const running = begin(['exec', on2, '--', 'sleep', mark(333)]);
    await there(mark(333));
    await under.fabric.child('gateway').stop('SIGKILL');
    expect(await running.end()).toMatchObject(lost);
    expect((await running.end()).err).toContain('the connection to the gateway was lost');
    await gone(mark(333));
  });
});
