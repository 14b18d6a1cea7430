/** A node is the same one after a restart; what stands in the way is one sentence. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StartError } from '../../../actors/runtime/start-error.ts';
import { nodeIdentity, nodeName } from '../../../edge-agent/identity.ts';
import { nodeId } from '../../../subjects/index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-test-identity-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = () => join(folder, 'identity.json');
async function sentence(of: Promise<unknown>): Promise<string> {
  const error = await of.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(StartError);
  expect((error as Error).message).not.toContain('\n');
  return (error as Error).message;
}

describe('an identity', () => {
  test('is made once, kept, and only its owner reads it', async () => {
    const state = join(folder, 'not', 'yet');
    const made = await nodeIdentity(state, 'n1');
    expect(made).toMatchObject({ node: 'n1', identity: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(await nodeIdentity(state, 'n1')).toEqual(made);
    expect(await nodeIdentity(state, undefined)).toEqual(made);
    expect((await stat(join(state, 'identity.json'))).mode & 0o777).toBe(0o600);
    expect(await readdir(state)).toEqual(['identity.json']);
  });

  test('of two folders is two', async () => {
    const one = await nodeIdentity(join(folder, 'a'), 'n1');
    const other = await nodeIdentity(join(folder, 'b'), 'n1');
    expect(one.identity).not.toBe(other.identity);
  });

  test('without a name is called as the host is', async () => {
    expect((await nodeIdentity(folder, undefined)).node).toBe(nodeName(hostname()));
  });

  test('that was half written beside it does no harm', async () => {
    await writeFile(`${file()}.new`, '{"no');
    expect(await nodeIdentity(folder, 'n1')).toMatchObject({ node: 'n1' });
  });
});

describe('is refused', () => {
  test.each([
    ['empty', ''],
    ['cut off', '{"node":"n1","ident'],
    ['another shape', '[]'],
    ['no id', '{"node":"n1","identity":"me"}'],
    ['a name that is none', '{"node":"N 1","identity":"5f1c8f6e-0d2b-4a57-9a3a-0c9f6a2f7d11"}'],
    ['binary', '\u0000\u0001'],
  ])('when it is damaged: %s; and it stays as it is', async (_what, text) => {
    await writeFile(file(), text);
    expect(await sentence(nodeIdentity(folder, 'n1'))).toBe(
      `${file()} is damaged; restore it, or remove it to begin as a new node`,
    );
    expect(await readFile(file(), 'utf8')).toBe(text);
  });

  test('when it belongs to another node', async () => {
    await nodeIdentity(folder, 'n1');
    expect(await sentence(nodeIdentity(folder, 'n2'))).toBe(
      `${file()} belongs to node n1, not n2; set SHOAL_STATE to another folder`,
    );
  });

  test('when it cannot be read: no other one is made in its place', async () => {
    await mkdir(file());
    expect(await sentence(nodeIdentity(folder, 'n1'))).toMatch(
      /^cannot read .*identity\.json \(EISDIR.*\); let this user read it, or set SHOAL_STATE to another folder$/,
    );
    expect(await readdir(folder)).toEqual(['identity.json']);
  });

  test('when the folder cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    expect(await sentence(nodeIdentity(join(folder, 'file', 'state'), 'n1'))).toMatch(
      /^cannot write to .*state \(ENOTDIR.*\); set SHOAL_STATE to a folder that can be written$/,
    );
  });
});

describe('a name made of a host name', () => {
  test.each([
    ['laptop', 'laptop'],
    ['Laptop.Local', 'laptop-local'],
    ['--x--', 'x'],
    ['', 'node'],
    ['日本', 'node'],
    ['a_b c', 'a-b-c'],
    [`${'a'.repeat(47)}.b`, 'a'.repeat(47)],
  ])('%j is %j', (host, expected) => {
    expect(nodeName(host)).toBe(expected);
  });

  test('is always the id of a node', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 80 }),
        (host) => nodeId.safeParse(nodeName(host)).success,
      ),
    );
  });
});
