/** What stands in the way of a start is one sentence, exit code 78, and nothing is left running. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { root } from '../../../local/layout.ts';
import { Command, type Ended, Place } from '../../support/fabric-folder.ts';

const call = promisify(execFile);
/** `nobody` on most systems. */
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
/** Who is root needs another user to be refused; one who can read the checkout. */
const uid = isRoot ? NOBODY : undefined;
const canRefuse =
  !isRoot ||
  (await call(process.execPath, ['-e', `require('fs').readdirSync(${JSON.stringify(root)})`], {
    ...{ uid: NOBODY, gid: NOBODY },
  }).then(
    () => true,
    () => false,
  ));
const small = await mkdtemp(join(tmpdir(), 'shoal-test-small-'));
const canMount = await call('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', small]).then(
  async () => {
    await call('umount', [small]);
    return true;
  },
  () => false,
);
if (!canRefuse) process.stderr.write('skipped: another user (who cannot read this checkout)\n');
if (!canMount) process.stderr.write('skipped: a full disk (no file system may be mounted here)\n');
afterAll(() => rm(small, { recursive: true, force: true }));

let place: Place;
beforeEach(async () => {
  place = await Place.make();
});
afterEach(async () => {
  await place[Symbol.asyncDispose]();
});

/** The one sentence a command ended with; nothing of it runs. */
async function sentence(ended: Promise<Ended>, start = 'shoal: ', code = 78): Promise<string> {
  const { err, ...rest } = await ended;
  expect(rest.code).toBe(code);
  expect(err.startsWith(start)).toBe(true);
  expect(err.trimEnd()).not.toContain('\n');
  expect(await place.processes()).toEqual([]);
  return err.slice(start.length).trimEnd();
}
const demo = (...of: Parameters<Place['run']> extends [unknown, ...infer R] ? R : never) =>
  place.run('demo', ...of);

describe('nats-server', () => {
  const bare = () => ({
    ...{ NATS_SERVER: '', PATH: '', XDG_CACHE_HOME: join(place.folder, 'cache') },
    SHOAL_NATS_RELEASES: 'http://127.0.0.1:1/none',
  });

  test('is missing and cannot be obtained', async () => {
    const expected =
      /^no nats-server 2\.14\.0 or newer could be obtained \(release: .+\); install one and set NATS_SERVER to it$/;
    expect(await sentence(place.run('up', bare()))).toMatch(expected);
    expect(await sentence(place.run('engines', bare()))).toMatch(expected);
    const failed = await sentence(demo(bare()), 'failed to obtain nats-server: ', 1);
    expect(failed).toMatch(expected);
  });

  test('is not where it was said to be', async () => {
    const NATS_SERVER = join(place.folder, 'none');
    expect(await sentence(place.run('up', { NATS_SERVER }))).toBe(
      `NATS_SERVER=${NATS_SERVER} is not a nats-server that runs here; correct or unset it`,
    );
  });

  test('is too old', async () => {
    const NATS_SERVER = join(place.folder, 'old');
    await writeFile(NATS_SERVER, '#!/bin/sh\necho "nats-server: v2.9.25"\n', { mode: 0o755 });
    const expected = `NATS_SERVER=${NATS_SERVER} is 2.9.25, at least 2.14.0 is needed; name a newer one or unset it`;
    expect(await sentence(place.run('up', { NATS_SERVER }))).toBe(expected);
    const failed = demo({ NATS_SERVER });
    expect(await sentence(failed, 'failed to obtain nats-server: ', 1)).toBe(expected);
  });

  test('ends at once: its own last word is passed on', async () => {
    const NATS_SERVER = join(place.folder, 'odd');
    const script = '#!/bin/sh\n[ "$1" = --version ] && echo "nats-server: v2.15.1" && exit 0\n';
    await writeFile(NATS_SERVER, `${script}echo "no such luck"; exit 1\n`, { mode: 0o755 });
    expect(await sentence(place.run('up', { NATS_SERVER }))).toMatch(
      /^fabric did not start: shoal-local: nats did not start: no such luck \(log: .*nats\.log\)/,
    );
  });
});

describe('the state folder', () => {
  test('cannot be made', async () => {
    const STATE = '/dev/null/shoal';
    const expected = /^cannot write to .* \(.+\); set STATE to a folder that can be written$/;
    expect(await sentence(place.run('up', { STATE }))).toMatch(expected);
    const failed = await place.run('demo', { STATE });
    expect(failed.code).toBe(1);
    expect(failed.err).toMatch(
      /^failed to prepare a folder: cannot write to .*; set STATE to a folder that can be written\n$/,
    );
  });

  test.runIf(canRefuse)('belongs to somebody else', async () => {
    const STATE = join(place.folder, 'theirs');
    await mkdir(STATE);
    await chmod(STATE, 0o555);
    const expected = `cannot write to ${STATE} (EACCES: permission denied, mkdir '${STATE}/nats'); set STATE to a folder that can be written`;
    expect(await sentence(place.run('up', { STATE }, uid))).toBe(expected);
    expect(await place.run('down', { STATE }, uid)).toMatchObject({ code: 0 });
    // Also when it has been used before, by its owner.
    for (const part of ['nats', 'logs', 'keys', 'run', 'agents']) {
      await mkdir(join(STATE, part), { recursive: true }).catch(() => undefined);
    }
    expect(await sentence(place.run('up', { STATE }, uid))).toContain('set STATE to a folder');
  });

  test.runIf(isRoot && canRefuse)('of a fabric that runs for somebody else', async () => {
    await place.run('up');
    expect(await place.run('up', {}, NOBODY)).toMatchObject({
      ...{ code: 0, err: '' },
      out: expect.stringContaining('a fabric is running already'),
    });
    const refused = await place.run('down', {}, NOBODY);
    expect(refused).toMatchObject({ code: 78, out: '' });
    expect(refused.err).toMatch(
      /^shoal: the fabric \(pid \d+\) cannot be stopped \(kill EPERM\); run this as the user who started it\n$/,
    );
  });

  test.runIf(isRoot && canRefuse)('works for one who is not root', async () => {
    const STATE = join(place.folder, 'own');
    await mkdir(STATE, { mode: 0o755 });
    await call('chown', [String(NOBODY), STATE]);
    expect(await place.run('up', { STATE }, NOBODY)).toMatchObject({ code: 0, err: '' });
    expect(await place.run('down', { STATE }, NOBODY)).toMatchObject({ out: 'fabric stopped\n' });
  });

  test.runIf(canMount)('has no room', async () => {
    await call('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', small]);
    try {
      const STATE = join(small, 'state');
      expect(await sentence(place.run('up', { STATE }))).toMatch(
        /^only \d.*i are free at .*, a fabric needs 64Mi; make room or set STATE to a folder elsewhere$/,
      );
      expect(await sentence(demo({ STATE }), 'failed to prepare a folder: ', 1)).toContain(
        'are free at',
      );
    } finally {
      await call('umount', [small]);
    }
  });

  test('holds a damaged key', async () => {
    await place.run('up');
    await place.run('down');
    const key = join(place.state, 'keys/agent-n1.nk');
    await writeFile(key, '');
    expect(await sentence(place.run('up'))).toContain(
      `the key ${key} is damaged; restore it, or remove it to make a new one`,
    );
    await rm(key);
    expect(await place.run('up')).toMatchObject({ code: 0 });
  });

  test('holds a damaged identity of a node', async () => {
    await place.run('up');
    await place.run('down');
    const identity = join(place.state, 'agents/n1/identity.json');
    await writeFile(identity, '{"node":"n1"');
    expect(await sentence(place.run('up'))).toContain(
      `agent-n1 did not start: shoal-agent: ${identity} is damaged; restore it, or remove it to begin as a new node`,
    );
  });
});

describe('a setting', () => {
  test.each([
    ['NODES', 'many', 'NODES is many; give a whole number from 1 to 50'],
    ['NODES', '51', 'NODES is 51; give a whole number from 1 to 50'],
    ['SHOAL_NATS_PORT', '0', 'SHOAL_NATS_PORT is 0; give a whole number from 1 to 65535'],
    ['SHOAL_GATEWAY_PORT', '65536', 'SHOAL_GATEWAY_PORT is 65536; give a whole number'],
  ])('that is not valid is named: %s=%s', async (name, value, expected) => {
    expect(await sentence(place.run('up', { [name]: value }))).toContain(expected);
    expect(await sentence(place.run('down', { [name]: value }))).toContain(expected);
  });

  test('of an agent that is not valid is named', async () => {
    const told = await sentence(place.run('up', { SHOAL_CAPACITY: 'cpu=lots' }));
    expect(told).toMatch(/agent-n\d did not start: shoal-agent: SHOAL_CAPACITY is not valid: /);
  });
});

test('a checkout that is not built is told how to be', async () => {
  const file = join(place.folder, 'shoal');
  await call('cp', [join(root, 'shoal'), file]);
  await expect(access(file, constants.X_OK)).resolves.toBeUndefined();
  const { spawn } = await import('node:child_process');
  const ended = new Command(spawn(file, ['get', 'nodes'], { stdio: 'pipe' })).end();
  expect(await sentence(ended)).toBe(`it is not built yet; run 'make build' in ${place.folder}`);
});
