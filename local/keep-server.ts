/**
 * `keep-server NATS-SERVER -c FILE`: a nats-server that is looked after, for sites. It is this program's
 * child, says what it says, is told what this program is told, and ends with it; started again by it
 * is only what met a full or read-only disk (store-keeper.ts). Whatever else ends it ends this program
 * with the same code: whoever runs it (systemd, a container's engine) starts it again.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { reasonOf } from '../actors/runtime/reason.ts';
import { StartError } from '../actors/runtime/start-error.ts';
import { keptIn } from '../nats/config.ts';
import { exitCodeOf, runOnce } from './once.ts';
import { StoreKeeper } from './store-keeper.ts';

/** How long a server that is to start again may take to end, in milliseconds: its disk was sick. */
const END_MS = 15_000;
/** What is passed on: to end in two ways, and to read its configuration anew. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

await runOnce(async () => {
  const [command, ...args] = process.argv.slice(2);
  const file = args[args.indexOf('-c') + 1];
  if (command === undefined || !args.includes('-c') || file === undefined) {
    throw new StartError('say which server with which file: keep-server NATS-SERVER -c FILE');
  }
  const text = await readFile(file, 'utf8').catch((error) => {
    throw new StartError(`${file} cannot be read (${reasonOf(error)}); shoal site writes it`);
  });
  const kept = keptIn(text);
  if (!kept) {
    process.stderr.write(
      `shoal: ${file} does not name http and store_dir as shoal site writes them; after a full disk start nats-server again yourself\n`,
    );
  }
  process.exit(await keep(command, args, kept));
});

/** Runs the server until it ends for good; what this program ends with. */
async function keep(
  command: string,
  args: readonly string[],
  kept: { readonly monitorUrl: string; readonly storeDirectory: string } | undefined,
): Promise<number> {
  let child: ChildProcess;
  let isAgain = false;
  let forced: NodeJS.Timeout | undefined;
  const keeper =
    kept &&
    new StoreKeeper({
      ...kept,
      restart: () => {
        isAgain = true;
        child.kill('SIGTERM');
        forced = setTimeout(() => child.kill('SIGKILL'), END_MS);
      },
      told: (message) => void process.stderr.write(`shoal: ${message}\n`),
    });
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      // Told to end while it was to start again: it ends.
      if (signal !== 'SIGHUP') isAgain = false;
      child.kill(signal);
    });
  }
  for (;;) {
    isAgain = false;
    child = spawn(command, [...args], { stdio: ['ignore', 'inherit', 'inherit'] });
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', (error) => reject(new StartError(`${command}: ${error.message}`)));
      child.once('exit', (ended, signal) => resolve(signal ? exitCodeOf(signal) : (ended ?? 0)));
    });
    clearTimeout(forced);
    if (!isAgain) {
      keeper?.close();
      return code;
    }
  }
}
