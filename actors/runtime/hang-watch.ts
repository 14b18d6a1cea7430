/**
 * Makes sure that a process whose step never ends is ended, so that its supervisor begins anew and
 * the item that hung it gets its mark (trials.ts): nothing else in the process could notice.
 *
 * A thread of its own counts its own ticks since the process last went round its event loop. A
 * process that is stopped (SIGSTOP, a suspended machine) stops that thread with it: not punished.
 */
import { Worker } from 'node:worker_threads';
import type { Close } from './ports.ts';

/** How often a sign of life is given and looked for, in milliseconds. */
const TICK_MS = 250;
/**
 * How long a process may not go round its event loop, in milliseconds: six thousand times a step's
 * budget, and far above any collection of garbage or look at a full store seen so far (2 s).
 */
export const HANG_MS = 30_000;

/** Runs in the thread: as text, so that it needs no file where programs are bundled or compiled. */
const WATCHER = `
const { workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const { life, tickMs, hangMs } = workerData;
let seen = -1;
let ticks = 0;
setInterval(() => {
  const now = Atomics.load(life, 0);
  ticks = now === seen ? ticks + 1 : 0;
  seen = now;
  if (ticks * tickMs < hangMs) return;
  const msg = 'a step does not end; the process ends, to begin anew';
  writeSync(2, JSON.stringify({ level: 60, time: Date.now(), msg, durationMs: hangMs }) + '\\n');
  process.kill(process.pid, 'SIGKILL');
}, tickMs);
`;

/** Ends this process when its event loop stands still for longer than `hangMs`, until closed. */
export function endWhenHung(hangMs = HANG_MS): Close {
  const life = new Int32Array(new SharedArrayBuffer(4));
  const workerData = { life, tickMs: TICK_MS, hangMs };
  const worker = new Worker(WATCHER, { eval: true, workerData });
  worker.unref();
  const timer = setInterval(() => Atomics.add(life, 0, 1), TICK_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    void worker.terminate();
  };
}
