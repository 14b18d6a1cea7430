/** How much of its cores a machine gives at the moment: one that is shared, or limited, shows more than it has. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

/** Two files of tests with real processes side by side need about this much not to keep each other waiting. */
export const ONE_AT_A_TIME_BELOW = 1.5;
/** Limits of control groups are by tenths of a second: some of these are seen. */
const LOOK_MS = 1_000;
/** Tests use no more than two. */
const CORES_MAX = 2;

const busy = `const until = Date.now() + ${LOOK_MS}; while (Date.now() < until);`;

/** Keeps up to two cores busy for a second, and tells how many of them it got: 0 to 2. */
export async function coresGiven(): Promise<number> {
  const before = process.cpuUsage();
  const began = performance.now();
  const wanted = Math.min(CORES_MAX, availableParallelism());
  await Promise.all(Array.from({ length: wanted }, spin));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / (performance.now() - began);
}

function spin(): Promise<void> {
  const worker = new Worker(busy, { eval: true });
  return new Promise((done, fail) => worker.once('exit', () => done()).once('error', fail));
}
