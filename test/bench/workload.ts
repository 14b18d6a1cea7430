/**
 * Reaching into an instance of a real fabric of processes, from a client of the gateway: gateway,
 * nats-server, agent, instance and client share the machine.
 *
 * Measured: a command from the call to its exit code; one line there and back through a command
 * that runs; bytes a command prints, and bytes from a port, as the client takes them. Not measured:
 * a network between them, terminals.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { root } from '../../local/layout.ts';
import { binaryMessage, SESSION_PROTOCOL, SESSION_WINDOW } from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { onFile } from './bus.ts';
import { type Benchmark, median, percentile, repeated, type Tell } from './figure.ts';

const BEGINS = 60;
const ROUND_TRIPS = 2_000;
const BYTES = 128 * 1024 * 1024;
const RUNS = 5;
const execFigures = [
  'begin_to_exit_p50',
  'begin_to_exit_p95',
  'round_trip_p50',
  'round_trip_p99',
  'throughput',
].map((name) => `workload.exec.${name}`);
const forwardFigures = ['throughput', 'round_trip_p50', 'round_trip_p99'].map(
  (name) => `workload.forward.${name}`,
);

/** Says as many bytes as it is asked for in the first line, or echoes what is said. */
const SOURCE = `require("net").createServer((socket) => {
  socket.setNoDelay(true);
  socket.once("data", (first) => {
    const bytes = Number(first);
    if (!bytes) return socket.on("data", (chunk) => socket.write(chunk)).write("ready");
    const chunk = Buffer.alloc(65536);
    let left = bytes;
    const more = () => { while (left > 0) { left -= chunk.length; if (!socket.write(chunk)) return socket.once("drain", more); } socket.end(); };
    more();
  });
}).listen(process.env.PORT, "127.0.0.1")`;

export const workload: Benchmark = {
  name: 'workload',
  async run(tell, isWanted) {
    await using under = await fabricUnderTest(['n1']);
    const id = await instance(under);
    const configuration = { ...onFile, driver: 'process', windowBytes: SESSION_WINDOW };
    const figure: Tell = (each) =>
      tell({ ...each, configuration: { ...configuration, ...each.configuration } });
    const url = `${under.fabric.gatewayUrl.replace('http', 'ws')}/api/v1/instances/${id}`;
    if (execFigures.some(isWanted)) await exec(url, figure);
    if (forwardFigures.some(isWanted)) await forward(under, id, figure);
  },
};

async function instance(under: FabricUnderTest): Promise<string> {
  const response = await fetch(`${under.fabric.gatewayUrl}/api/v1/workloads/source`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name: 'source' } },
      spec: { command: ['node', '-e', SOURCE], ports: [{ name: 'tcp' }], grace: '1s' },
    }),
  });
  if (!response.ok) throw new Error(await response.text());
  await eventually(() => under.ready('source').length === 1, 20_000, 'the instance');
  return under.ready('source')[0]?.instance ?? '';
}

async function exec(base: string, tell: Tell): Promise<void> {
  const url = (...words: readonly string[]): string =>
    `${base}/exec?${new URLSearchParams(words.map((word): [string, string] => ['command', word]))}`;
  const begins = await repeated(BEGINS, async () => {
    const began = performance.now();
    await closed(new WebSocket(url('true'), SESSION_PROTOCOL));
    return performance.now() - began;
  });
  for (const share of [0.5, 0.95]) {
    const value = percentile(begins, share);
    const configuration = { samples: BEGINS, command: 'true' };
    const name = `workload.exec.begin_to_exit_p${share * 100}`;
    tell({ name, value, unit: 'ms', better: 'lower', configuration });
  }
  const trips = await echoes(url('cat'));
  for (const share of [0.5, 0.99]) {
    const value = percentile(trips, share);
    const configuration = { samples: ROUND_TRIPS, command: 'cat', bytes: 16 };
    const name = `workload.exec.round_trip_p${share * 100}`;
    tell({ name, value, unit: 'ms', better: 'lower', configuration });
  }
  const speeds = await repeated(RUNS, async () => {
    const began = performance.now();
    const socket = new WebSocket(url('head', '-c', String(BYTES), '/dev/zero'), SESSION_PROTOCOL);
    let bytes = 0;
    socket.on('message', (data, isBinary) => {
      if (isBinary) bytes += (data as Buffer).length - 1;
    });
    await closed(socket);
    if (bytes !== BYTES) throw new Error(`${bytes} of ${BYTES} bytes came`);
    return BYTES / 1e6 / ((performance.now() - began) / 1000);
  });
  const configuration = { runs: RUNS, bytes: BYTES };
  tell({
    ...{ name: 'workload.exec.throughput', value: median(speeds), unit: 'MB/s' },
    ...{ better: 'higher', configuration },
  });
}

/** How long each line took there and back, in milliseconds. */
async function echoes(url: string): Promise<number[]> {
  const socket = new WebSocket(url, SESSION_PROTOCOL);
  await new Promise((resolve) => socket.once('open', resolve));
  const line = binaryMessage('input', Buffer.alloc(16, 'x'));
  const trips = await repeated(ROUND_TRIPS, async () => {
    const began = performance.now();
    const heard = new Promise((resolve) => socket.once('message', resolve));
    socket.send(line);
    await heard;
    return performance.now() - began;
  });
  socket.close();
  return trips;
}

const closed = (socket: WebSocket): Promise<unknown> =>
  new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', resolve);
  });

/** By `shoal port-forward`, and beside it straight to the instance. */
async function forward(under: FabricUnderTest, id: string, tell: Tell): Promise<void> {
  const words = [join(root, 'dist/cli/main.js'), 'port-forward', id, '0:tcp', '-o', 'json'];
  const child = spawn(process.execPath, words, {
    env: { ...process.env, SHOAL_GATEWAY: under.fabric.gatewayUrl },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const { local } = JSON.parse(await firstLine(child)) as { readonly local: number };
    const direct = under.observed.get({ node: 'n1', tenant: 'default', instance: id })?.ports[
      'tcp'
    ];
    const straight = await streamed(direct ?? 0);
    const value = median(await repeated(RUNS, () => streamed(local)));
    const configuration = { runs: RUNS, bytes: BYTES, straight: Math.round(straight) };
    const name = 'workload.forward.throughput';
    tell({ name, value, unit: 'MB/s', better: 'higher', configuration });
    const trips = await pinged(local);
    const alone = percentile(await pinged(direct ?? 0), 0.5);
    for (const share of [0.5, 0.99]) {
      tell({
        ...{ name: `workload.forward.round_trip_p${share * 100}`, unit: 'ms', better: 'lower' },
        value: percentile(trips, share),
        configuration: { samples: ROUND_TRIPS, bytes: 16, straight: Number(alone.toFixed(3)) },
      });
    }
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGINT');
    await ended;
  }
}

function firstLine({ stdout }: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    stdout?.on('data', (piece) => {
      text += piece;
      if (text.includes('\n')) resolve(text);
    });
    stdout?.once('end', () => reject(new Error('port-forward ended')));
  });
}

/** Megabytes per second from a port. */
async function streamed(port: number): Promise<number> {
  const began = performance.now();
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write(String(BYTES));
  let bytes = 0;
  for await (const chunk of socket) bytes += (chunk as Buffer).length;
  if (bytes !== BYTES) throw new Error(`${bytes} of ${BYTES} bytes came`);
  return BYTES / 1e6 / ((performance.now() - began) / 1000);
}

/** How long each message took there and back, in milliseconds. */
async function pinged(port: number): Promise<number[]> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const heard = (): Promise<unknown> => new Promise((resolve) => socket.once('data', resolve));
  socket.write('echo');
  await heard();
  const trips = await repeated(ROUND_TRIPS, async () => {
    const began = performance.now();
    socket.write('0123456789abcdef');
    await heard();
    return performance.now() - began;
  });
  socket.destroy();
  return trips;
}
