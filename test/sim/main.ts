/**
 * Runs storms outside the test suite, in a process of its own with the flags that make them quick:
 * `main.js <first seed> <how many>`; what it prints and how it ends is as storms.ts says.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stormFlags } from './node-flags.ts';

const storms = fileURLToPath(import.meta.url).replace(/main(\.[jt]s)$/, 'storms$1');
const child = spawn(process.execPath, [...stormFlags, storms, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
