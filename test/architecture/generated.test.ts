/** What is derived from the contracts is committed as it comes out of them today. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { VERSION } from '../../actors/runtime/version.ts';
import { differences } from '../../docs/generate/differences.ts';
import { limitsIn, namedLimits } from '../../docs/generate/limits.ts';

const call = promisify(execFile);
const root = process.cwd();

describe('generated files', () => {
  test('are what the contracts say, in any process; if not, run `npm run generate`', async () => {
    const program = ['dist/docs/generate/main.js', '--check'];
    await expect(call(process.execPath, program)).resolves.toMatchObject({ stderr: '' });
  });

  test('that differ, are missing, or are left over are named', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-test-generated-'));
    const wanted = new Map([
      ['docs/generated/same.md', 'same'],
      ['docs/generated/other.md', 'now'],
      ['docs/generated/missing.md', 'new'],
    ]);
    const present = { same: 'same', other: 'then', left: 'over' };
    for (const [name, text] of Object.entries(present)) {
      const path = join(folder, `docs/generated/${name}.md`);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
    }
    expect(await differences(folder, wanted)).toEqual([
      'docs/generated/other.md',
      'docs/generated/missing.md',
      'docs/generated/left.md (nothing generates it; remove it)',
    ]);
    await rm(folder, { recursive: true });
  });

  test('do not name the machine they were made on', async () => {
    const folders = [
      'docs/generated',
      'gateway/grpc/generated',
      'nats/generated',
      'proto/shoal/v1',
    ];
    for (const folder of folders) {
      const names = await readdir(folder);
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) {
        const text = await readFile(join(folder, name), 'utf8');
        expect(text.includes(root), name).toBe(false);
      }
    }
  });
});

describe('limits', () => {
  test('of contracts, actors and the bus each say what they limit', async () => {
    const all = await namedLimits(root);
    const named = all.filter((each) => /^(subjects|actors|nats|docs)\//.test(each.file));
    expect(named.length).toBeGreaterThan(20);
    const silent = named.filter((each) => each.sentence === '');
    expect(silent.map((each) => `${each.file}: ${each.name} needs a docstring`)).toEqual([]);
  });

  test('are read from the source with their values and sentences', () => {
    const text = `
const MiB = 2 ** 20;
/** Most disk. */
export const DISK_BYTES_MAX = 4 * MiB;
/** Two
 * lines. */
const KEPT_MAX = 8_192;
const SILENT_MAX = 1;
/** Oldest server. */
export const SERVER_VERSION_MIN = '2.14.0';
/** Computed elsewhere. */
const COMPUTED_MAX = compute();
const RETRY_MS = 5;
`;
    expect(
      limitsIn(text, 'x.ts').map(({ name, value, sentence }) => [name, value, sentence]),
    ).toEqual([
      ['DISK_BYTES_MAX', 4_194_304, 'Most disk.'],
      ['KEPT_MAX', 8192, 'Two lines.'],
      ['SILENT_MAX', 1, ''],
      ['SERVER_VERSION_MIN', '2.14.0', 'Oldest server.'],
    ]);
  });
});

describe('the version', () => {
  test('is one', async () => {
    const read = async (path: string) => JSON.parse(await readFile(path, 'utf8'));
    expect((await read('package.json')).version).toBe(VERSION);
    expect((await read('package-lock.json')).version).toBe(VERSION);
    expect(VERSION).toMatch(/^\d+\.\d+\.\d+$/);
  });
});
