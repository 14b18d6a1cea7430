/** Sessions with instances of a real fabric by gRPC: a connection, files, what a program prints, a terminal. */
import { once } from 'node:events';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../nats/start.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { GrpcClient } from '../support/grpc-client.ts';
import { eventually } from '../support/ports.ts';

/** Says what it hears on its port and how many bytes that were; tells of USR1, and exits with 7 at INT. */
const PROGRAM = `require("net").createServer({ allowHalfOpen: true }, (socket) => {
    let bytes = 0;
    socket.on("data", (chunk) => { bytes += chunk.length; });
    socket.on("error", () => {});
    socket.on("end", () => socket.end("<" + bytes + ">"));
    socket.pipe(socket, { end: false });
  }).listen(process.env.PORT, "127.0.0.1");
  setInterval(() => { console.log("tick"); console.error("tock"); }, 50);
  process.on("SIGUSR1", () => console.log("usr"));
  process.on("SIGINT", () => process.exit(7));`;

let under: FabricUnderTest;
let client: GrpcClient;
let instance: string;
beforeAll(async () => {
  const port = await freePort();
  under = await fabricUnderTest(['n1'], { environment: { SHOAL_GRPC_PORT: String(port) } });
  client = new GrpcClient(`127.0.0.1:${port}`);
  const put = await fetch(`${under.fabric.gatewayUrl}/api/v1/workloads/web`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name: 'web' } },
      spec: { count: 1, command: ['node', '-e', PROGRAM], ports: [{ name: 'tcp' }] },
    }),
  });
  expect(put.status).toBe(201);
  await eventually(() => under.ready('web').length === 1, 20_000, 'its instance');
  instance = under.ready('web')[0]?.instance ?? '';
});
afterAll(async () => {
  client?.[Symbol.dispose]();
  await under?.[Symbol.asyncDispose]();
});

/** One session: what it has said so far, and how it ended. */
class Session {
  // biome-ignore lint/suspicious/noExplicitAny: messages are as they come
  readonly call: ClientDuplexStream<any, any>;
  readonly #pieces = { bytes: [] as Buffer[], errors: [] as Buffer[] };
  isOpened = false;
  /** The other half of the connection is closed. */
  isHalfClosed = false;
  ended: Readonly<Record<string, unknown>> | undefined;
  refused: { readonly code: number; readonly details: string } | undefined;
  readonly over: Promise<unknown>;

  constructor(what: object) {
    this.call = client.duplex('Sessions/OpenSession');
    this.call.on('data', ({ opened, bytes, errorBytes, end, ended }) => {
      if (opened) this.isOpened = true;
      if (bytes?.length) this.#pieces.bytes.push(bytes);
      if (errorBytes?.length) this.#pieces.errors.push(errorBytes);
      if (end) this.isHalfClosed = true;
      if (ended) this.ended = ended;
    });
    this.over = new Promise((resolve) => {
      this.call.once('end', resolve);
      this.call.once('error', (error) => {
        this.refused = error as never;
        resolve(0);
      });
    });
    this.call.write({ open: { instance, ...what } });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces.bytes);
  }

  get text(): string {
    return String(this.bytes);
  }

  get errors(): string {
    return String(Buffer.concat(this.#pieces.errors));
  }

  /** Writes all of it, as fast as it is taken. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += 60_000) {
      const said = { bytes: bytes.subarray(at, at + 60_000) };
      if (!this.call.write(said)) await once(this.call, 'drain');
    }
  }
}

test('a connection to a port passes megabytes both ways, each half to its end', async () => {
  const session = new Session({ forward: { name: 'tcp' } });
  const much = Buffer.alloc(2_000_000, '0123456789');
  await session.write(much);
  session.call.write({ end: true });
  await eventually(() => session.text.endsWith('<2000000>'), 20_000, 'all of it back');
  expect(session.bytes.subarray(0, -9).equals(much)).toBe(true);
  session.call.end();
  await session.over;
  expect(session.refused).toBeUndefined();
  expect(session.isOpened).toBe(true);

  const none = new Session({ forward: { number: 22 } });
  await none.over;
  expect(none.refused).toMatchObject({ details: expect.stringContaining('22') });
});

test('an archive that was copied in comes out as it went in, and what cannot is said', async () => {
  const exec = new Session({
    exec: {
      command: [
        'sh',
        '-c',
        'mkdir -p "$SHOAL_FOLDER/www"; seq 1 200000 > "$SHOAL_FOLDER/www/much"',
      ],
    },
  });
  await exec.over;
  expect(exec.ended).toMatchObject({ exitCode: 0 });
  const out = new Session({ copy: { direction: 'from', path: '/www' } });
  await out.over;
  expect([out.refused, out.ended]).toMatchObject([undefined, { exitCode: 0 }]);
  expect(out.bytes.length).toBeGreaterThan(1_288_895);

  const back = new Session({ copy: { direction: 'to', path: '/again' } });
  await back.write(out.bytes);
  back.call.end();
  await back.over;
  expect([back.refused, back.errors, back.ended]).toMatchObject([undefined, '', { exitCode: 0 }]);
  const look = new Session({
    exec: {
      command: [
        'sh',
        '-c',
        'cd "$SHOAL_FOLDER"; find again -type f | while read -r each; do cmp "$each" www/much && echo "same $each"; done',
      ],
    },
  });
  await look.over;
  expect(look.text).toMatch(/^same again\S*\/?much\n$/);

  const none = new Session({ copy: { direction: 'from', path: '/nothing' } });
  await none.over;
  expect(none.refused?.details).toContain('there is no /nothing');
});

test('who is attached hears both outputs apart, passes signals on, and is told the exit code', async () => {
  const session = new Session({ attach: {} });
  const talks = () => session.text.includes('tick\n') && session.errors.includes('tock\n');
  await eventually(talks, 10_000, 'both outputs');
  session.call.write({ signal: 'USR1' });
  await eventually(() => session.text.includes('usr\n'), 10_000, 'the signal to arrive');
  expect([session.text.includes('tock'), session.errors.includes('tick')]).toEqual([false, false]);
  session.call.write({ signal: 'INT' });
  await session.over;
  expect([session.refused, session.ended]).toMatchObject([undefined, { exitCode: 7 }]);
  // Until its node has told the end, it counts as ready.
  const isAgain = () => under.ready('web').some((each) => (under.seen(each)?.restarts ?? 0) > 0);
  await eventually(isAgain, 20_000, 'its next run');
});

test('a terminal has the size that is said, and that of later', async () => {
  const size = { columns: 91, rows: 31 };
  const command = ['sh', '-c', 'while read -r line; do stty size; echo "$TERM"; done; exit 4'];
  const session = new Session({ exec: { command, terminal: { type: 'vt220', size } } });
  const says = (what: string) =>
    eventually(
      async () => {
        session.call.write({ bytes: Buffer.from('\n') });
        // The terminal says each key that is pressed, too, whenever that is.
        return session.text.replace(/(\r\n)+/g, '\r\n').includes(what);
      },
      10_000,
      `${what} to be said`,
    );
  await says('31 91\r\nvt220\r\n');
  expect(session.text).not.toContain('40 100');
  session.call.write({ size: { columns: 100, rows: 40 } });
  await says('40 100\r\nvt220\r\n');
  // Control and D, as typed.
  session.call.write({ bytes: Buffer.from([4]) });
  await session.over;
  expect([session.refused, session.ended]).toMatchObject([undefined, { exitCode: 4 }]);
});
