/** The program that holds a network: what it says it is, and that it waits where it can be run here. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { waitingProgram } from '../../../../edge-agent/drivers/docker/group-program.ts';
import { eventually } from '../../../support/ports.ts';

test.each([
  ['x64', 62, 9],
  ['arm64', 183, 28],
])(
  'for %s it is one segment that begins at its first instruction',
  (architecture, machine, code) => {
    const elf = waitingProgram(architecture) ?? Buffer.alloc(0);
    expect(elf.subarray(0, 7).toString('hex')).toBe('7f454c46020101');
    expect(elf.readUInt16LE(18)).toBe(machine);
    const segment = elf.subarray(Number(elf.readBigUInt64LE(32)));
    const [at, sizeBytes] = [segment.readBigUInt64LE(16), segment.readBigUInt64LE(32)];
    expect(sizeBytes).toBe(BigInt(elf.length));
    expect(elf.readBigUInt64LE(24) - at).toBe(BigInt(elf.length - code));
    // The place in memory and the one in the file are the same within a page, or nothing loads it.
    expect(at % segment.readBigUInt64LE(48)).toBe(segment.readBigUInt64LE(8));
  },
);

test('for others there is none', () => {
  expect(waitingProgram('mips')).toBeUndefined();
});

test.skipIf(process.platform !== 'linux' || !waitingProgram(process.arch))(
  'it waits until it is ended',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-wait-'));
    const path = join(folder, 'wait');
    await writeFile(path, waitingProgram(process.arch) ?? '', { mode: 0o755 });
    const child = spawn(path, { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
    const stat = async () =>
      (await readFile(`/proc/${child.pid}/stat`, 'utf8').catch(() => '')).split(' ');
    try {
      const isWaiting = async () => {
        const [, name, state] = await stat();
        return name === '(wait)' && state === 'S';
      };
      await eventually(isWaiting, 10_000, 'it to wait');
      // A signal that does not end it finds it waiting again.
      child.kill('SIGSTOP');
      child.kill('SIGCONT');
      await eventually(isWaiting, 10_000, 'it to wait again');
    } finally {
      child.kill('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    }
    expect(await ended).toBe('SIGTERM');
  },
);
