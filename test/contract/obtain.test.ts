/** A nats-server is found or fetched, and one that will not do is refused in one sentence. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StartError } from '../../actors/runtime/start-error.ts';
import { obtainServer, RELEASE } from '../../nats/obtain.ts';

const call = promisify(execFile);
const machine = { x64: 'amd64', arm64: 'arm64', arm: 'arm7' }[process.arch as string];
const archive = `nats-server-v${RELEASE}-${process.platform}-${machine}`;

let folder: string;
let site: HttpServer | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-test-obtain-'));
});
afterEach(async () => {
  await new Promise((resolve) => (site ? site.close(resolve) : resolve(undefined)));
  site = undefined;
  await rm(folder, { recursive: true, force: true });
});

/** A program that says it is a nats-server of some version, and does nothing else. */
async function fake(where: string, says: string): Promise<string> {
  await mkdir(where, { recursive: true });
  const path = join(where, 'nats-server');
  await writeFile(path, `#!/bin/sh\necho '${says}'\n`);
  await chmod(path, 0o755);
  return path;
}
const saying = (version: string): string => `nats-server: v${version}`;
const cacheIn = (version: string): string => join(folder, 'cache/shoal/nats-server', version);
/** An environment with nothing of this machine in it, and no way out. */
const bare = (more: Readonly<Record<string, string>> = {}) => ({
  PATH: '',
  XDG_CACHE_HOME: join(folder, 'cache'),
  SHOAL_NATS_RELEASES: 'http://127.0.0.1:1/none',
  ...more,
});

async function refusal(environment: Readonly<Record<string, string>>): Promise<string> {
  const error = await obtainServer(environment).catch((caught) => caught);
  expect(error).toBeInstanceOf(StartError);
  const { message } = error as StartError;
  expect(message).not.toContain('\n');
  return message;
}

describe('a server named by NATS_SERVER', () => {
  test('is taken when it is new enough', async () => {
    const path = await fake(folder, saying('2.15.9'));
    expect(await obtainServer(bare({ NATS_SERVER: path }))).toEqual({
      path,
      version: '2.15.9',
      source: 'NATS_SERVER',
    });
  });

  test('is refused when it is too old, although there are others', async () => {
    await fake(cacheIn('2.15.1'), saying('2.15.1'));
    const path = await fake(folder, saying('2.9.25'));
    expect(await refusal(bare({ NATS_SERVER: path }))).toBe(
      `NATS_SERVER=${path} is 2.9.25, at least 2.14.0 is needed; name a newer one or unset it`,
    );
  });

  test.each([
    ['nothing', 'missing', undefined],
    ['a folder', '', undefined],
    ['a file that does not run', 'text', 'hello'],
  ])('is refused when it is %s', async (_, name, content) => {
    const path = join(folder, name);
    if (content) await writeFile(path, content);
    expect(await refusal(bare({ NATS_SERVER: path }))).toBe(
      `NATS_SERVER=${path} is not a nats-server that runs here; correct or unset it`,
    );
  });

  test('is refused when it is another program that has a version', async () => {
    const { execPath } = process;
    expect(await refusal(bare({ NATS_SERVER: execPath }))).toContain('is not a nats-server');
  });
});

describe('a server that is there', () => {
  test('on PATH is taken before one in the cache', async () => {
    const path = await fake(join(folder, 'bin'), saying('2.14.0'));
    await fake(cacheIn('2.15.1'), saying('2.15.1'));
    const found = await obtainServer(
      bare({ PATH: `${join(folder, 'none')}:${join(folder, 'bin')}` }),
    );
    expect(found).toEqual({ path, version: '2.14.0', source: 'PATH' });
  });

  test('on PATH but too old or broken is passed over', async () => {
    await fake(join(folder, 'old'), saying('2.13.9'));
    await fake(join(folder, 'broken'), 'Segmentation fault');
    const path = await fake(cacheIn('2.15.1'), saying('2.15.1'));
    const PATH = `${join(folder, 'old')}:${join(folder, 'broken')}`;
    expect(await obtainServer(bare({ PATH }))).toEqual({
      path,
      version: '2.15.1',
      source: 'cache',
    });
  });

  test('in the cache is the newest of several', async () => {
    await fake(cacheIn('2.14.9'), saying('2.14.9'));
    const path = await fake(cacheIn('2.14.10'), saying('2.14.10'));
    expect(await obtainServer(bare())).toMatchObject({ path, version: '2.14.10' });
  });
});

/** A place for releases: the archive with a server of this version, and its checksums. */
async function publish(
  says: string,
  more: { readonly sums?: string; readonly inside?: string } = {},
): Promise<{ readonly url: string; readonly asked: string[] }> {
  const inside = more.inside ?? archive;
  await fake(join(folder, 'release', inside), says);
  const file = join(folder, 'release.tar.gz');
  await call('tar', ['-czf', file, '-C', join(folder, 'release'), inside]);
  const bytes = await readFile(file);
  const hash = createHash('sha256').update(bytes).digest('hex');
  const sums = more.sums ?? `${'0'.repeat(64)}  other.tar.gz\n${hash}  ${archive}.tar.gz\n`;
  const pages: Readonly<Record<string, string | Uint8Array>> = {
    [`/v${RELEASE}/SHA256SUMS`]: sums,
    [`/v${RELEASE}/${archive}.tar.gz`]: bytes,
  };
  const asked: string[] = [];
  site = createServer((request, response) => {
    asked.push(request.url ?? '');
    const page = pages[request.url ?? ''];
    response.writeHead(page === undefined ? 404 : 200).end(page);
  });
  await new Promise<void>((resolve) => site?.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(site.address() as AddressInfo).port}`, asked };
}

describe('a server that is fetched as a release', () => {
  test('is kept in the cache under its version, and found there the next time', async () => {
    const { url, asked } = await publish(saying('2.15.1'));
    const lines: string[] = [];
    const environment = bare({ SHOAL_NATS_RELEASES: url });
    const path = join(cacheIn('2.15.1'), 'nats-server');
    const fetched = await obtainServer(environment, (line) => lines.push(line));
    expect(fetched).toEqual({ path, version: '2.15.1', source: 'release' });
    expect(lines).toEqual([`fetching nats-server ${RELEASE} from its release page`]);
    expect(asked).toHaveLength(2);
    expect(await obtainServer(environment)).toEqual({ path, version: '2.15.1', source: 'cache' });
    expect(asked).toHaveLength(2);
  });

  test('may be fetched by several at a time', async () => {
    const { url } = await publish(saying('2.15.1'));
    const environment = bare({ SHOAL_NATS_RELEASES: url });
    const found = await Promise.all([1, 2, 3].map(() => obtainServer(environment)));
    expect(new Set(found.map((each) => each.path)).size).toBe(1);
    await expect(call(found[0]?.path as string, ['--version'])).resolves.toBeDefined();
  });

  test.each([
    ['of another archive', `${'ab'.repeat(32)}  ${archive}.tar.gz\n`],
    ['missing', `${'ab'.repeat(32)}  something-else.tar.gz\n`],
    ['empty', ''],
  ])('is refused when its checksum is %s, and nothing is kept', async (_, sums) => {
    const { url } = await publish(saying('2.15.1'), { sums });
    expect(await refusal(bare({ SHOAL_NATS_RELEASES: url }))).toBe(
      `no nats-server 2.14.0 or newer could be obtained (release: the checksum of ${archive}.tar.gz is wrong); install one and set NATS_SERVER to it`,
    );
    await expect(readFile(join(cacheIn('2.15.1'), 'nats-server'))).rejects.toThrow();
  });

  test.each([
    ['an old one', saying('2.9.0'), 'what was fetched is 2.9.0'],
    ['none', 'hello', 'what was fetched is not a nats-server that runs here'],
  ])('is refused when it is %s after all', async (_, says, reason) => {
    const { url } = await publish(says);
    expect(await refusal(bare({ SHOAL_NATS_RELEASES: url }))).toContain(reason);
  });

  test('is refused when the archive holds something else', async () => {
    const { url } = await publish(saying('2.15.1'), { inside: 'surprise' });
    expect(await refusal(bare({ SHOAL_NATS_RELEASES: url }))).toContain('could be obtained');
  });

  test('says why when nobody is there, and when there is no such release', async () => {
    expect(await refusal(bare())).toMatch(/could be obtained \(release: .+\); install one/);
    const { url } = await publish(saying('2.15.1'));
    expect(await refusal(bare({ SHOAL_NATS_RELEASES: `${url}/other` }))).toContain('answered 404');
  });

  test('says what to do when the cache cannot be written', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const message = await refusal(bare({ XDG_CACHE_HOME: file }));
    expect(message).toMatch(/^cannot write to .*; set XDG_CACHE_HOME$/);
  });
});
