/** Sessions of a real fabric, seen and ended by somebody who did not open them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { Running } from '../support/running.ts';

interface Opened {
  readonly items: readonly { readonly session: string; readonly [name: string]: unknown }[];
  readonly silent: readonly string[];
}

let under: FabricUnderTest;

beforeAll(async () => {
  under = await fabricUnderTest(['n1', 'n2']);
  const spec = { count: 2, command: ['sleep', '300'], grace: '1s' };
  const put = await fetch(`${under.fabric.gatewayUrl}/api/v1/workloads/web`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      apiVersion: 'shoal/v1',
      kind: 'service',
      metadata: { name: 'web' },
      spec,
    }),
  });
  expect(put.status).toBe(201);
  await eventually(() => under.ready('web').length === 2, 20_000, 'two instances');
});
afterAll(() => under?.[Symbol.asyncDispose]());

const begin = (...words: string[]): Running =>
  new Running(words, { SHOAL_GATEWAY: under.fabric.gatewayUrl });
const shoal = (...words: string[]) => under.shoal(words);
const open = async (): Promise<Opened> => JSON.parse((await shoal('sessions', 'ls', '--json')).out);

test('are told with who opened them and what went through; ended, both sides end', async () => {
  expect(await open()).toMatchObject({ items: [], silent: [] });
  const [one, other] = under.ready('web').map(({ instance }) => instance);
  const running = begin('exec', '-i', one ?? '', '--', 'sh', '-c', 'read line; echo $line; cat');
  const watching = begin('attach', other ?? '');
  running.child.stdin?.write('hello\n');
  await eventually(() => running.out === 'hello\n', 30_000, 'the echo').catch((error) => {
    throw new Error(`${error}, but ${running.out} ${running.err}`);
  });
  await eventually(async () => (await open()).items.length === 2, 10_000, 'both sessions');
  const { items } = await open();
  const exec = items.find(({ kind }) => kind === 'exec');
  const attach = items.find(({ kind }) => kind === 'attach');
  expect(exec).toMatchObject({
    ...{ instance: one, tenant: 'default', what: 'sh -c read line; echo $line; cat' },
    ...{ caller: '127.0.0.1', saidBytes: 6, toldBytes: 6 },
  });
  expect(attach).toMatchObject({ instance: other, what: '' });
  expect((await shoal('sessions', 'ls')).out).toMatch(/exec sh -c read line; echo \$line; cat\n/);
  const ended = await shoal('sessions', 'end', exec?.session ?? '');
  expect(ended).toEqual({ code: 0, out: `session ${exec?.session} is ended\n`, err: '' });
  const over = await running.end();
  expect([over.code, over.err]).toEqual([3, expect.stringContaining('somebody ended it')]);
  await eventually(async () => (await open()).items.length === 1, 10_000, 'its end');
  const again = await shoal('sessions', 'end', exec?.session ?? '');
  expect([again.code, again.err]).toEqual([1, expect.stringContaining('has no session')]);
  // The other one goes on, and its instance too.
  expect(watching.child.exitCode).toBeNull();
  expect((await shoal('sessions', 'end', attach?.session ?? '')).code).toBe(0);
  await watching.end();
  expect(under.ready('web')).toHaveLength(2);
});
