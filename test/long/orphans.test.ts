/** A real agent ends what no ledger lists although nobody told it, and leaves the rest alone. */
import { spawn } from 'node:child_process';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Kept } from '../../edge-agent/drivers/run-folder.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

/** Two sweeps of an agent: one takes an orphan over, the next one judges it; and their rest. */
const TWO_SWEEPS_MS = 40_000;

describe('an agent that runs', () => {
  let under: FabricUnderTest;

  beforeAll(async () => {
    under = await fabricUnderTest(['n1'], { hasGateway: false });
    const spec = { count: 2, command: ['sleep', '600'], grace: '1s' };
    expect(await under.apply('calm', spec)).toMatchObject({ ok: true });
    await eventually(() => under.ready('calm').length === 2, 30_000, 'two instances');
  });
  afterAll(async () => {
    if (!under) return;
    const { processes } = under;
    await under[Symbol.asyncDispose]();
    expect(await processes()).toEqual([]);
  });

  /** Starts what no ledger lists under the agent's folder; it is there all at once. */
  const plant = async (instance: string): Promise<string> => {
    const state = under.fabric.layout.agent('n1');
    const name = `default.${instance}`;
    const [rightful] = under.ready('calm');
    const run = join(state, 'instances', `default.${rightful?.instance}`, 'run.json');
    const kept = JSON.parse(await readFile(run, 'utf8')) as Kept;
    const input = { ...kept.input, name, instance, run: 9_000 };
    const hidden = join(state, 'hidden');
    await mkdir(join(hidden, 'run-9000'), { recursive: true });
    await mkdir(join(hidden, 'work'));
    for (const each of ['stdout', 'stderr']) await writeFile(join(hidden, each), '');
    await writeFile(join(hidden, 'run.json'), JSON.stringify({ ...kept, input, ports: {} }));
    const folder = join(state, 'instances', name);
    await rename(hidden, folder);
    const words = [join(state, 'keeper.sh'), join(folder, 'run-9000'), '--', 'sleep', '600'];
    spawn('/bin/sh', words, { detached: true, stdio: 'ignore' }).unref();
    return name;
  };

  test('ends an orphan within two sweeps; what is listed is not touched', async () => {
    await eventually(async () => (await under.running()).size === 2, 5_000, 'both keepers');
    const before = await under.running();
    const orphan = await plant('old-1');
    await eventually(async () => (await under.running()).has(orphan), 5_000, 'the orphan');
    await eventually(
      async () => JSON.stringify([...(await under.running())]) === JSON.stringify([...before]),
      TWO_SWEEPS_MS,
      'the orphan to be gone and nothing else',
    );
    const isSaid = () =>
      [...under.observed.entries()].some(({ value }) => value.instance === 'old-1');
    await eventually(() => !isSaid(), 5_000, 'nothing to be said of it any more');
    expect(under.ready('calm')).toHaveLength(2);
  });
});
