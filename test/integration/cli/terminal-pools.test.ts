/**
 * Pools and claims as somebody at a terminal of 100 × 30 sees them: a real fabric, a real bash in a real
 * tmux, and the screens as they were when they were last looked at on purpose. Write them anew with
 * `GOLDEN=write npx vitest run --project integration terminal-pools`, and look at them.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { PoolCalls } from '../../../local/pool-calls.ts';
import type { FabricUnderTest } from '../../support/fabric.ts';
import { eventually } from '../../support/ports.ts';
import type { TerminalUnderTest } from '../../support/terminal.ts';
import { TerminalScene } from '../../support/terminal-scene.ts';

const manifest = `
apiVersion: shoal/v1
kind: pool
metadata: {name: demo}
spec:
  ready: 2
  maximum: 3
  ttl: 30m
  route: {domain: demo.localhost}
  template:
    command: [sh, -c, 'sleep 600']
    ports: [{name: http}]
    probes: {readiness: {exec: {command: ['true']}, initialDelay: 0s, period: 1s}}
    resources: {cpu: 10m, memory: 16Mi}
    grace: 200ms
`;

let scene: TerminalScene;
let under: FabricUnderTest;
let terminal: TerminalUnderTest;
let folder: string;
let pool: PoolCalls;

beforeAll(async () => {
  const goldens = new URL('golden-pools/', import.meta.url);
  scene = await TerminalScene.open({ goldens, workloads: ['demo'] }, ['n1']);
  ({ under, terminal, folder } = scene);
  await writeFile(join(folder, 'pool.yaml'), manifest);
  pool = new PoolCalls(under.fabric.gatewayUrl, 'demo');
});
afterAll(() => scene?.[Symbol.asyncDispose]());

const expectGolden = (name: string, screen: string): Promise<void> =>
  scene.expectGolden(name, screen);
const counted = (count: number, state: 'ready' | 'claimed') => {
  const slots = () => [...under.slots.entries()].filter(({ value }) => value.state === state);
  return eventually(() => slots().length === count, 120_000, `${count} slots are ${state}`);
};

test('a pool from its manifest to its first claim', async () => {
  await expectGolden('apply', await terminal.run(`shoal apply -f ${folder}/pool.yaml`));
  await pool.full();
  await expectGolden('pool-ls', await terminal.run('shoal pool ls'));
  await expectGolden('claim', await terminal.run('shoal claim demo --ttl 2h --by checkout'));
  await counted(2, 'ready');
  await expectGolden('claims', await terminal.run('shoal claims'));
  await terminal.resize(78, 30);
  await expectGolden('claims-narrow', await terminal.run('shoal claims'));
  await terminal.resize(100, 60);
  const described = await terminal.run('shoal pool describe demo');
  // Which of two slots is ready first is otherwise each time.
  await expectGolden('pool-describe', described.slice(0, described.indexOf('Events')));
  await terminal.resize(100, 30);
});

test('none is ready: refused, and a wait that was not long enough', async () => {
  for (const _ of ['second', 'third']) await pool.claim();
  await counted(3, 'claimed');
  await expectGolden('claim-refused', await terminal.run('shoal claim demo'));
  const over = await terminal.run('shoal claim demo --wait 2s');
  await expectGolden('claim-wait-over', over.replace(/about \d+ s/, 'about · s'));
});

test('a claim is extended and given back, and the pool is purged', async () => {
  const [first] = [...under.slots.entries()].map(({ value }) => value.slot);
  await expectGolden('extend', await terminal.run(`shoal extend ${first} 5m`));
  await expectGolden('release', await terminal.run(`shoal release ${first}`));
  await pool.releaseAll();
  await pool.full();
  await expectGolden('pool-purge', await terminal.run('shoal pool purge demo'));
});

test('nothing else is kept', () => scene.goldens.expectNothingElse());
