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
  const other = setting === undefined ? 'choose another port' : `set ${setting} to another one`;
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new StartError(`port ${port} on ${host} is in use; stop what listens there or ${other}`)
          : new StartError(`port ${port} on ${host} cannot be used (${error.message}); ${other}`),
      );
    });
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}

/** A port nobody uses at the moment. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, host, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
