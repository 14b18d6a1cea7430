/** Reaching into instances of a real fabric, through the gateway, by command line and WebSocket. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { readBinary, SESSION_PROTOCOL } from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

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
/** An instance on each node. */
let on1: string;
let on2: string;

beforeAll(async () => {
  under = await fabricUnderTest(['n1', 'n2']);
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
}, 60_000);
afterAll(() => under?.[Symbol.asyncDispose]());

/** The command line as it is built: it starts in a third of the time that its sources take. */
class Running {
  readonly child: ChildProcess;
  out = '';
  err = '';
  readonly #ended: Promise<unknown>;

  constructor(words: readonly string[]) {
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment };
    this.child = spawn(process.execPath, ['dist/cli/main.js', ...words], { stdio: 'pipe', env });
    this.child.stdout?.on('data', (piece) => {
      this.out += piece;
    });
    this.child.stderr?.on('data', (piece) => {
      this.err += piece;
    });
    // A command that has ended takes no more.
    this.child.stdin?.on('error', () => undefined);
    this.#ended = once(this.child, 'close');
  }

  async end(): Promise<{
    readonly code: number | null;
    readonly out: string;
    readonly err: string;
  }> {
    await this.#ended;
    return { code: this.child.exitCode, out: this.out, err: this.err };
  }
}

const begin = (words: readonly string[]): Running => new Running(words);
const shoal = (words: readonly string[], stdin: string | Uint8Array = '') => {
  const running = begin(words);
  running.child.stdin?.end(stdin);
  return running.end();
};
const exec = (words: readonly string[], stdin?: string | Uint8Array) =>
  shoal(['exec', ...words], stdin);

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
  eventually(async () => (await saying(asked)) > 0, 10_000, `${asked} to run`);
const gone = (asked: string) =>
  eventually(async () => (await saying(asked)) === 0, 10_000, `${asked} to be gone`);

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
