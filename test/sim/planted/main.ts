/**
 * Plants one bug after another and lets the simulator find it: `main.js [prefix of names]`, with
 * SEEDS (most per bug, 1000) and SEED (the first, 1). Fails when one is not found.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stormFlags } from '../node-flags.ts';
import { bugs } from './bugs.ts';
import { plant } from './plant.ts';
import type { Found } from './seek.ts';

const run = promisify(execFile);
const root = process.cwd();
const only = process.argv[2] ?? '';
const first = process.env['SEED'] || '1';
const most = process.env['SEEDS'] || '1000';
let missed = 0;
for (const bug of bugs.filter((each) => each.name.startsWith(only))) {
  const { folder, remove } = plant(root, bug);
  try {
    const seek = join(folder, 'test', 'sim', 'planted', 'seek.ts');
    const options = ['--import', 'tsx', ...stormFlags, seek, first, most];
    const { stdout } = await run(process.execPath, options, { cwd: folder });
    const { seed, tried, sentence } = JSON.parse(stdout) as Found;
    if (seed === undefined) missed++;
    const what = seed === undefined ? `NOT FOUND in ${tried} seeds` : `seed ${seed}: ${sentence}`;
    process.stdout.write(`${bug.name}  ${what}\n`);
  } finally {
    remove();
  }
}
process.exitCode = missed > 0 ? 1 : 0;
