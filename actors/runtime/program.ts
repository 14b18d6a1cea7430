/**
 * Makes sure that every program of Shoal starts and ends alike: a start that cannot work is one
 * sentence on what to do; SIGTERM and SIGINT stop it in order within a deadline, a second one at
 * once; what nobody caught is logged before it ends.
 *
 * Exit codes: 0 stopped as asked, 1 stopped by force, 70 a fault (EX_SOFTWARE), 78 cannot start
 * (EX_CONFIG).
 */
import { journal } from './journal.ts';
import type { Log } from './log.ts';
import { START_ERROR_EXIT, StartError } from './start-error.ts';
import { startTelemetry } from './telemetry.ts';

/** Exit code after a fault of the program's own (EX_SOFTWARE). */
export const FAULT_EXIT = 70;
/** How long a program may take to stop in order, in milliseconds; SHOAL_STOP_MS overrides. */
const STOP_MS = 10_000;

type Stop = () => Promise<void>;

/**
 * Starts a program; resolves never, the process ends with it. A start that makes what outlives the
 * process says to `begun` how that is taken back, for a signal that comes before it is done.
 */
export async function runProgram(
  name: string,
  start: (log: Log, end: (code: number) => void, begun: (stop: Stop) => void) => Promise<Stop>,
): Promise<void> {
  const log = journal(name);
  let closeTelemetry: Stop = async () => undefined;
  let stop: Stop | undefined;
  let isStopping = false;
  const end = (signal: string, code = 0): void => {
    if (isStopping) {
      log.warn('stopped by force', { reason: signal });
      process.exit(1);
    }
    isStopping = true;
    log.info('stopping', { reason: signal });
    const limitMs = Number(process.env['SHOAL_STOP_MS']) || STOP_MS;
    setTimeout(() => {
      log.warn('did not stop in time', { durationMs: limitMs });
      process.exit(1);
    }, limitMs).unref();
    void (stop?.() ?? Promise.resolve())
      .catch((error) => log.error('an error while stopping', { error }))
      .then(() => closeTelemetry())
      .then(() => {
        log.info('stopped');
        process.exit(code);
      });
  };
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
  process.on('uncaughtException', (error) => {
    log.error('a fault nobody caught', { error });
    process.exit(FAULT_EXIT);
  });
  process.on('unhandledRejection', (error) => {
    log.error('a rejection nobody caught', { error });
    process.exit(FAULT_EXIT);
  });
  try {
    closeTelemetry = await startTelemetry(name, log);
    const ownEnd = (code: number): void => end('its own decision', code);
    stop = await start(log, ownEnd, (early) => {
      stop = early;
    });
  } catch (error) {
    // What it was told to stop while it started ends with that stop.
    if (isStopping) return;
    if (error instanceof StartError) {
      process.stderr.write(`${name}: ${error.message}\n`);
      process.exit(START_ERROR_EXIT);
    }
    log.error('could not start', { error });
    process.exit(FAULT_EXIT);
  }
}
