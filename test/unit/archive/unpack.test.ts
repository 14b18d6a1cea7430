/** Archives of real files and back: what is kept, and what a wicked or broken one cannot do. */
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Header, pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CopyRefused } from '../../../archive/copy-refused.ts';
import { packed } from '../../../archive/pack.ts';
import { type Unpacking, unpack } from '../../../archive/unpack.ts';

let root: string;
let from: string;
let to: string;
let left: string[];
let files: number;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'shoal-archive-'));
  [from, to] = [join(root, 'from'), join(root, 'to')];
  await Promise.all([mkdir(from), mkdir(to)]);
  left = [];
  files = 0;
});
afterEach(() => rm(root, { recursive: true, force: true }));

const events = {
  file: () => void files++,
  say: (line: string) => void left.push(line),
};
/** As an agent does it: what cannot be brought is refused. */
const strictly = (): Unpacking => ({
  place: async () => ({
    folder: to,
    placement: { below: 'it', renames: undefined, to: undefined },
    below: [],
  }),
  cannot: (text) => {
    throw new CopyRefused('copy-refused', text);
  },
  events: { file: () => undefined },
});

async function all(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const chunk of chunks) pieces.push(chunk);
  return Buffer.concat(pieces);
}
/** In pieces, as they may come. */
async function* cut(bytes: Uint8Array, size = 1_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
/** An archive as nobody's packer would write it. */
async function archive(...entries: readonly (Header & { text?: string })[]): Promise<Buffer> {
  const made = pack();
  for (const { text = '', ...header } of entries) {
    await new Promise<void>((resolve) => {
      made.entry(header, Buffer.from(text), () => resolve());
    });
  }
  made.finalize();
  return all(made as AsyncIterable<Uint8Array>);
}

test('files, folders and links come back as they were, with modes and times', async () => {
  const long = 'n'.repeat(200);
  await mkdir(join(from, 'd', long), { recursive: true });
  await writeFile(join(from, 'd', long, 'much'), Buffer.alloc(300_001, 'x'));
  await writeFile(join(from, 'd', 'empty'), '');
  await writeFile(join(from, 'd', 'ümlaut 日本'), 'text');
  await chmod(join(from, 'd', 'ümlaut 日本'), 0o4751);
  await utimes(join(from, 'd', 'empty'), 1_000_000, 1_000_000);
  await symlink('empty', join(from, 'd', 'link'));
  await link(join(from, 'd', 'empty'), join(from, 'd', 'hard'));
  await chmod(join(from, 'd'), 0o550);
  await utimes(join(from, 'd'), 2_000_000, 2_000_000);
  const bytes = await all(packed(join(from, 'd'), 'd', events));
  await unpack(cut(bytes), strictly());
  await chmod(join(from, 'd'), 0o750);
  const [folder, empty, text] = await Promise.all([
    lstat(join(to, 'd')),
    lstat(join(to, 'd', 'empty')),
    lstat(join(to, 'd', 'ümlaut 日本')),
  ]);
  expect([folder.mode & 0o7777, folder.mtimeMs]).toEqual([0o550, 2_000_000_000]);
  expect([empty.size, empty.mtimeMs]).toEqual([0, 1_000_000_000]);
  // The bit that would lend its owner's rights is not kept.
  expect(text.mode & 0o7777).toBe(0o751);
  expect(await readlink(join(to, 'd', 'link'))).toBe('empty');
  expect((await readFile(join(to, 'd', long, 'much'))).length).toBe(300_001);
  expect(await readdir(join(to, 'd'))).toEqual(await readdir(join(from, 'd')));
  expect([files, left]).toEqual([4, []]);
  await chmod(join(to, 'd'), 0o750);
});

test('what is no file, folder or link is left out, and said', async () => {
  const server = createServer().listen(join(from, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  await writeFile(join(from, 'z'), 'after it');
  const bytes = await all(packed(from, 'top', events));
  server.close();
  await unpack(cut(bytes), strictly());
  expect(await readdir(join(to, 'top'))).toEqual(['z']);
  expect(left).toEqual(['left out: top/socket: no file, folder or link']);
});

test('cut off anywhere it leaves the old file or the whole new one, and nothing beside', async () => {
  await writeFile(join(from, 'a'), Buffer.alloc(5_000, 'a'));
  await writeFile(join(from, 'b'), Buffer.alloc(5_000, 'b'));
  const bytes = await all(packed(from, '.', events));
  for (let at = 100; at < bytes.length - 1_024; at += 700) {
    await writeFile(join(to, 'a'), 'old');
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield* cut(bytes.subarray(0, at));
      throw new Error('the line broke');
    };
    await expect(unpack(broken(), strictly())).rejects.toThrow('the line broke');
    const names = await readdir(to);
    expect(names.filter((name) => !/^[ab]$/.test(name))).toEqual([]);
    const now = await readFile(join(to, 'a'), 'utf8');
    expect(now === 'old' || now === 'a'.repeat(5_000)).toBe(true);
    if (names.includes('b')) expect((await lstat(join(to, 'b'))).size).toBe(5_000);
    await rm(join(to, 'b'), { force: true });
  }
});

test('one that says it is over in the middle of a file is refused', async () => {
  await writeFile(join(from, 'a'), Buffer.alloc(5_000, 'a'));
  const bytes = await all(packed(from, '.', events));
  await expect(unpack(cut(bytes.subarray(0, 3_000)), strictly())).rejects.toThrow(
    'cannot be read: Unexpected end of data',
  );
  expect(await readdir(to)).toEqual([]);
  await expect(unpack(cut(Buffer.alloc(1_024)), strictly())).rejects.toThrow('holds nothing');
});

test.each([1, 100, 511, 513, 70_000])(
  'one cut anywhere, read in pieces of %d bytes, is never taken for a shorter one',
  async (size) => {
    // The last one ends in zeros of its own.
    await writeFile(join(from, 'a'), 'a');
    await writeFile(join(from, 'b'), Buffer.alloc(2_048));
    const bytes = await all(packed(from, '.', events));
    for (let at = 0; at < bytes.length; at += 512) {
      const short = cut(bytes.subarray(0, at), size);
      await expect(unpack(short, strictly()), `${at}`).rejects.toThrow(
        /was cut off|Unexpected end/,
      );
    }
    await unpack(cut(bytes, size), strictly());
    // As GNU tar fills up the end.
    await unpack(cut(Buffer.concat([bytes, Buffer.alloc(10_240)]), size), strictly());
  },
);

test('a reader that stops is not written for any more, and every file is closed', async () => {
  await writeFile(join(from, 'a'), Buffer.alloc(5_000_000, 'a'));
  await writeFile(join(from, 'b'), '');
  const before = (await readdir('/proc/self/fd')).length;
  for (const after of [1, 5]) {
    let chunks = 0;
    for await (const _ of packed(from, 'top', events)) if (++chunks === after) break;
  }
  expect((await readdir('/proc/self/fd')).length).toBe(before);
});

describe('a wicked archive', () => {
  const file = (name: string): Header & { text: string } => ({ name, type: 'file', text: 'x' });

  test.each<[string, readonly (Header & { text?: string })[], RegExp]>([
    ['with a name that leads out', [file('../x')], /leads out/],
    ['with one that leads out later', [file('a'), file('b/../../x')], /leads out/],
    ['with a link to elsewhere', [{ name: 'l', type: 'symlink', linkname: '/etc' }], /leads out/],
    [
      'with a link above it',
      [{ name: 'a/l', type: 'symlink', linkname: '../../x' }],
      /leads out, to \.\.\/\.\.\/x/,
    ],
    [
      'with a file below its own link',
      [{ name: 'd/l', type: 'symlink', linkname: '../e' }, file('d/l/x')],
      /d\/l is there already, and a link, which is not followed/,
    ],
    [
      'with a hard link to a file that was there',
      [{ name: 'l', type: 'link', linkname: 'there' }],
      /hard link to what is not of this copy/,
    ],
    [
      'with a hard link to a link that took the place of a file',
      [
        file('d/a/b/x'),
        { name: 'd/a/b/x', type: 'symlink', linkname: '../../../z' },
        { name: 'd/y', type: 'link', linkname: 'd/a/b/x' },
      ],
      /hard link to what is not of this copy/,
    ],
    ['with a device', [{ name: 'n', type: 'character-device' }], /no file, folder or link/],
    ['with a pipe', [{ name: 'n', type: 'fifo' }], /no file, folder or link/],
    ['with a file that is a folder there', [file('folder')], /there is a folder of this name/],
    ['of nothing with a name', [file('.')], /has no name/],
  ])('%s is refused', async (_, entries, why) => {
    await mkdir(join(to, 'folder'));
    await writeFile(join(to, 'folder', 'in'), '');
    await writeFile(join(to, 'there'), 'there');
    const failed = await unpack(cut(await archive(...entries)), strictly()).catch((error) => error);
    expect(failed).toBeInstanceOf(CopyRefused);
    expect(failed.message).toMatch(why);
    expect((await readdir(root)).sort()).toEqual(['from', 'to']);
    expect(await readFile(join(to, 'there'), 'utf8')).toBe('there');
  });

  test('writes through no link that was there', async () => {
    await symlink(from, join(to, 'away'));
    const bytes = await archive(file('away/x'));
    await expect(unpack(cut(bytes), strictly())).rejects.toThrow('which is not followed');
    await unpack(cut(await archive(file('away'))), strictly());
    expect((await lstat(join(to, 'away'))).isFile()).toBe(true);
    expect(await readdir(from)).toEqual([]);
  });

  /** A header that announces eight gigabytes. */
  async function huge(type: 'L' | '5'): Promise<Buffer> {
    const honest = await archive(file('a'));
    const header = Buffer.from(honest.subarray(0, 512));
    header.write(type, 156);
    header.write('77777777777 ', 124);
    header.fill(' ', 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return header;
  }

  test.each([
    ['that announces a name of gigabytes', ['L']],
    ['with a folder of gigabytes, which has no content, and then such a name', ['5', 'L']],
  ] as const)('%s is refused before it has sent it', async (_, types) => {
    const headers = await Promise.all(types.map(huge));
    let sent = 0;
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      yield* headers;
      for (; sent < 50_000_000; sent += 65_536) yield Buffer.alloc(65_536, 'n');
    };
    await expect(unpack(endless(), strictly())).rejects.toThrow('its headers are too long');
    expect(sent).toBeLessThan(2_000_000);
  });

  test('of rubbish is refused', async () => {
    const rubbish = Buffer.alloc(10_000, 'rubbish');
    await expect(unpack(cut(rubbish), strictly())).rejects.toThrow('cannot be read');
  });
});
