/** Who is given an image that is here: those whose credentials brought it, or would. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PulledBy } from '../../../../edge-agent/drivers/docker/pulled-by.ts';

const APP = 'registry.test/app:1';

let folder: string;
let pulled: PulledBy;
/** What the engine has, by every name and id. */
let here: Map<string, string>;
const open = () =>
  PulledBy.open(join(folder, 'pulled-by.json'), { imageId: async (name) => here.get(name) });
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-pulled-'));
  here = new Map();
  pulled = await open();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function arrives(name: string, id: string): void {
  here.set(name, id).set(id, id);
}
const begin = (who: string, before?: string) => pulled.pulling(APP, { who, before });
const isGiven = (who: string, id = 'id-1') => pulled.isGiven(id, async () => who);
const given = async (...whose: readonly string[]) => {
  const answers = await Promise.all(whose.map((each) => isGiven(each)));
  return whose.filter((_, index) => answers[index]);
};

test('what came otherwise is everybody’s, and nobody is asked whose credentials they have', async () => {
  arrives(APP, 'id-1');
  const never = () => Promise.reject(new Error('was asked'));
  expect(await pulled.isGiven('id-1', never)).toBe(true);
  // Pulled again: it was here.
  await (await begin('tenant a', 'id-1'))('pulled');
  expect(await given('tenant a', 'tenant b', 'node')).toEqual(['tenant a', 'tenant b', 'node']);
});

test('what was pulled is for those who pulled it, by whatever name, also after a restart', async () => {
  const end = await begin('tenant a');
  arrives(APP, 'id-1');
  await end('pulled');
  expect(await given('tenant a', 'tenant b', 'node')).toEqual(['tenant a']);
  await (await begin('node', 'id-1'))('pulled');
  pulled = await open();
  expect(await given('tenant a', 'tenant b', 'node')).toEqual(['tenant a', 'node']);
});

test('a name that leads to something else by a pull does not give that to others', async () => {
  arrives(APP, 'id-0');
  const end = await begin('tenant a', 'id-0');
  arrives(APP, 'id-1');
  await end('pulled');
  expect(await given('tenant a', 'tenant b')).toEqual(['tenant a']);
  expect(await isGiven('tenant b', 'id-0')).toBe(true);
});

test.each(['under way', 'of an agent that died', 'that was not told of'])(
  'what a pull brought %s is given to nobody',
  async (what) => {
    const end = await begin('tenant a');
    arrives(APP, 'id-1');
    if (what === 'of an agent that died') pulled = await open();
    if (what === 'that was not told of') await end('unknown');
    expect(await given('tenant a', 'tenant b')).toEqual([]);
    // Whoever pulls it himself has it.
    await (await begin('tenant b', 'id-1'))('pulled');
    expect(await given('tenant a', 'tenant b')).toEqual(['tenant b']);
  },
);

test('a pull that is refused says nothing of what is here', async () => {
  await (await begin('tenant a'))('refused');
  arrives(APP, 'id-1');
  expect(await given('tenant b')).toEqual(['tenant b']);
});

test('what is gone is forgotten: what comes under its id later is another one’s', async () => {
  const end = await begin('tenant a');
  arrives(APP, 'id-1');
  await end('pulled');
  here.clear();
  await (await pulled.pulling('other:1', { who: 'node', before: undefined }))('refused');
  arrives(APP, 'id-1');
  expect(await given('tenant b')).toEqual(['tenant b']);
});

test('a file that is damaged counts as nothing', async () => {
  await writeFile(join(folder, 'pulled-by.json'), '{"images": 1}');
  pulled = await open();
  expect(await given('tenant b')).toEqual(['tenant b']);
});
