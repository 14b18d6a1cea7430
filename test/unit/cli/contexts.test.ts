import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { node } from './fabric.ts';
import { type Ran, StubGateway, shoal } from './stub-gateway.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'shoal-test-contexts-'));
});
afterEach(() => rm(home, { recursive: true }));

function run(words: string, environment: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return shoal(undefined, words, { environment: { HOME: home, ...environment } });
}

const workloads = { 'GET /api/v1/workloads': { body: { items: [], revision: 1 } } };

test('the first context is current at once; what it sets counts until something else is said', async () => {
  await using near = await StubGateway.start(workloads);
  await using far = await StubGateway.start(workloads);
  const made = await run(`context set near --gateway ${near.url} --tenant acme`);
  expect(made).toEqual({ code: 0, err: '', out: 'context near made; it is the current one\n' });
  expect((await run(`context set far --gateway ${far.url}`)).out).toBe('context far made\n');

  await run('get wl');
  expect(near.lines).toEqual(['GET /api/v1/workloads?tenant=acme']);
  await run('get wl', { SHOAL_GATEWAY: far.url });
  await run('get wl --tenant own --context near', { SHOAL_GATEWAY: far.url });
  await run('get wl', { SHOAL_CONTEXT: 'far' });
  await run('context use far');
  await run('get wl');
  expect(near.lines.slice(1)).toEqual(['GET /api/v1/workloads?tenant=own']);
  // The environment has no tenant, so the current context's counts beside its gateway.
  expect(far.lines).toEqual([
    'GET /api/v1/workloads?tenant=acme',
    'GET /api/v1/workloads?tenant=default',
    'GET /api/v1/workloads?tenant=default',
  ]);
});

test('contexts are listed, changed and forgotten', async () => {
  await run('context set b --nats nats://b:4222 --seed /keys/b');
  await run('context set a --tenant acme');
  await run('context set a --gateway http://a:8480');
  expect((await run('context ls')).out).toBe(`NAME  GATEWAY        TENANT  NATS           SEED
  a   http://a:8480  acme    -              -
* b   -              -       nats://b:4222  /keys/b
`);
  expect((await run('context rm b')).out).toBe('context b removed; none is current\n');
  expect(JSON.parse((await run('context ls --json')).out)).toEqual({
    items: [{ name: 'a', isCurrent: false, gateway: 'http://a:8480', tenant: 'acme' }],
  });
});

test('only their owner reads them, and nothing else is left in the folder', async () => {
  await run('context set a --tenant acme');
  const folder = join(home, '.config', 'shoal');
  expect(await readdir(folder)).toEqual(['contexts.json']);
  expect((await stat(join(folder, 'contexts.json'))).mode & 0o777).toBe(0o600);
});

test.each([
  ['a context that does not exist', 'get wl --context nera', 'did you mean "near"?'],
  ['a name that cannot be one', 'context set ../x --tenant a', 'is no name of a context'],
  ['a context that sets nothing', 'context set x', 'give at least one of'],
  ['a forgotten one', 'context use gone', '`shoal context ls` lists them'],
])('%s is refused with what to do', async (_what, words, why) => {
  await run('context set near --tenant acme');
  const ran = await run(words);
  expect(ran.code).toBe(2);
  expect(ran.err).toContain(why);
});

test('a file that is no list of contexts is named, not written over', async () => {
  const file = join(home, 'mine.json');
  await writeFile(file, '{"contexts": 3}');
  for (const words of ['get wl', 'context set a --tenant b']) {
    const ran = await run(words, { SHOAL_CONTEXTS: file });
    expect(ran.code).toBe(2);
    expect(ran.err).toContain(`cannot read the contexts in ${file}`);
  }
  expect(await readFile(file, 'utf8')).toBe('{"contexts": 3}');
});

test('a choice that no longer exists can be mended', async () => {
  await run('context set a --tenant acme');
  expect((await run('context ls', { SHOAL_CONTEXT: 'gone' })).code).toBe(0);
  expect((await run('get wl', { SHOAL_CONTEXT: 'gone' })).code).toBe(2);
});

test('their names are completed', async () => {
  await run('context set near --gateway http://n:1');
  expect((await run('complete -- context use n')).out).toBe('near\thttp://n:1\n');
  expect((await run('complete -- --context n')).out).toBe('near\thttp://n:1\n');
});

test('completion asks the gateway of the context', async () => {
  await using stub = await StubGateway.start({
    'GET /api/v1/nodes': { body: { items: [node], revision: 1 } },
  });
  await run(`context set near --gateway ${stub.url}`);
  expect((await run('complete -- node cordon n')).out).toBe('n1\tready\n');
});
