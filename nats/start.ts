/** Starts a nats-server as a child process and tells when it is ready. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { StartError } from '../actors/runtime/start-error.ts';
import { type ServerSettings, serverConfig } from './config.ts';

const READY_MS = 15_000;

export interface RunningServer {
  readonly child: ChildProcess;
  readonly url: string;
  readonly pid: number;
  readonly logFile: string;
}

/** Writes the configuration into `folder` and starts the server. Throws StartError. */
export async function startServer(
  binary: string,
  folder: string,
  settings: ServerSettings,
  options: { readonly readyMs?: number } = {},
): Promise<RunningServer> {
  for (const port of [settings.port, settings.monitorPort]) await checkPort(settings.host, port);
  await mkdir(settings.storeDirectory, { recursive: true });
  const file = join(folder, `${settings.name}.conf`);
  const logFile = join(folder, `${settings.name}.log`);
  await writeFile(file, serverConfig(settings), { mode: 0o600 });
  const log = openSync(logFile, 'a');
  const child = spawn(binary, ['-c', file], { stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? code}`));
  });
  const url = `nats://${settings.host}:${settings.port}`;
  const polling = new AbortController();
  const limitMs = options.readyMs ?? READY_MS;
  const why = await Promise.race([ended, ready(settings, limitMs, polling.signal)]);
  polling.abort();
  if (why !== undefined) {
    child.kill('SIGKILL');
    const tail = (await readFile(logFile, 'utf8').catch(() => '')).trim().split('\n').slice(-1)[0];
    throw new StartError(
      `nats-server did not start (${why}): ${tail ?? ''}; its log is ${logFile}`,
    );
  }
  return { child, url, pid: child.pid as number, logFile };
}

/** Polls `/healthz`; undefined: the server is ready, or nobody waits for it any more. */
async function ready(
  settings: ServerSettings,
  withinMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const url = `http://${settings.host}:${settings.monitorPort}/healthz`;
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    if (signal.aborted) return undefined;
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return undefined;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return `${url} was not healthy in ${withinMs} ms`;
}

/** Throws StartError when a port cannot be listened on. `setting` names what chooses another. */
export async function checkPort(host: string, port: number, setting?: string): Promise<void> {
  const error = await listenError(host, port);
  if (error === undefined) return;
  const other = setting === undefined ? 'choose another port' : `set ${setting} to another one`;
  throw error.code === 'EADDRINUSE'
    ? new StartError(`port ${port} on ${host} is in use; stop what listens there or ${other}`)
    : new StartError(`port ${port} on ${host} cannot be used (${error.message}); ${other}`);
}

/**
 * Below the ports that systems give to outgoing connections (32768 on Linux, 49152 elsewhere) and
 * beside those that agents give to instances: a port found here stays free until it is bound.
 */
const FREE_PORTS = { from: 10_000, to: 19_999 };
let next = FREE_PORTS.from + Math.floor(Math.random() * (FREE_PORTS.to - FREE_PORTS.from + 1));

/** A port nobody uses at the moment, another one with each call. Throws StartError: all are in use. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tried = FREE_PORTS.from; tried <= FREE_PORTS.to; tried++) {
    const port = next;
    next = port >= FREE_PORTS.to ? FREE_PORTS.from : port + 1;
    if ((await listenError(host, port)) === undefined) return port;
  }
  throw new StartError(`every port from ${FREE_PORTS.from} to ${FREE_PORTS.to} is in use`);
}

/** Why a port cannot be listened on; undefined: it can. */
function listenError(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', resolve);
    probe.listen(port, host, () => probe.close(() => resolve(undefined)));
  });
}
