/**
 * Changing things and reaching into them, as somebody at a terminal of 100 × 30 sees it: as in
 * terminal.test.ts, and written anew by the same command.
 */
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FabricUnderTest } from '../../support/fabric.ts';
import { eventually } from '../../support/ports.ts';
import type { TerminalUnderTest } from '../../support/terminal.ts';
import { TerminalScene } from '../../support/terminal-scene.ts';

let scene: TerminalScene;
let under: FabricUnderTest;
let terminal: TerminalUnderTest;
let folder: string;

beforeAll(async () => {
  const goldens = new URL('golden-changes/', import.meta.url);
  const variables = (folder: string) => ({
    SHOAL_CONTEXTS: join(folder, 'contexts.json'),
    EDITOR: "sed -i 's/count: 3/count: 2/'",
  });
  const environment = { SHOAL_DEVICES: 'off' };
  scene = await TerminalScene.open({ goldens, workloads: ['web'], variables }, ['n1'], {
    environment,
  });
  ({ under, terminal, folder } = scene);
});
afterAll(() => scene?.[Symbol.asyncDispose]());

const expectGolden = (name: string, screen: string): Promise<void> =>
  scene.expectGolden(name, screen);

/** A service that says its version again and again, with one canary of a new one. */
async function manifest(version: number, count = 3): Promise<string> {
  const file = join(folder, `${version}.yaml`);
  const serve = `setInterval(() => console.log("version ${version}"), 200); require("net").createServer().listen(process.env.PORT)`;
  await writeFile(
    file,
    `apiVersion: shoal/v1
kind: service
metadata: {name: web}
spec:
  count: ${count}
  command: [node, -e, '${serve}']
  ports: [{name: tcp}]
  grace: 1s
  update: {strategy: canary, canary: {count: 1}}
`,
  );
  return file;
}
/** Columns of figures are as wide as these happen to be. */
const narrowed = (screen: string): string => screen.replaceAll(/ {2,}/g, '  ');
const ready = (count: number): Promise<void> =>
  eventually(() => under.ready('web').length === count, 20_000, `${count} ready`);

test('a context is set and used', async () => {
  await terminal.run(
    `shoal context set here --gateway ${under.fabric.gatewayUrl}; shoal context use here; shoal context ls`,
  );
  await expectGolden('contexts', await terminal.screen());
});

test('what would change, line by line', async () => {
  await terminal.run(`shoal apply --wait -f ${await manifest(1)}`);
  const file = await manifest(2);
  await terminal.run(`shoal diff -f ${file}; echo "ended with $?"`);
  await expectGolden('diff', await terminal.screen(true));
});

test('a canary is promoted, and the version before it brought back', async () => {
  await terminal.run(`shoal apply -f ${join(folder, '2.yaml')}; shoal rollout status web --wait`);
  await terminal.run('shoal rollout history web');
  await expectGolden('rollout-history', narrowed(await terminal.screen()));
  await terminal.run('shoal rollout promote web --wait 1m');
  await expectGolden('rollout-promote', await terminal.screen());
  await terminal.run('shoal rollout undo web --wait 1m');
  await expectGolden('rollout-undo', await terminal.screen());
});

test('a stored manifest is edited, and what comes of it is waited for', async () => {
  await expectGolden('edit', await terminal.run('shoal edit workload web'));
  await ready(2);
  await expectGolden('wait', await terminal.run('shoal wait workload web --timeout 20s'));
});

test('a program that is attached to prints until Ctrl-C', async () => {
  await terminal.begin('shoal attach web; echo "ended with $?"');
  await terminal.until((screen) => screen.split('version 1').length > 2, 'its lines');
  await terminal.press('C-c');
  const screen = await terminal.ended();
  // How many there were until then is otherwise each time.
  await expectGolden('attach', screen.replaceAll('version 1\n', ''));
});

test('a port is forwarded until Ctrl-C', async () => {
  await terminal.begin('shoal port-forward web 0:tcp; echo "ended with $?"');
  await terminal.until((screen) => screen.includes('127.0.0.1'), 'it to listen');
  await terminal.press('C-c');
  await expectGolden('port-forward', await terminal.ended());
});

test('a copy shows how far it is, and leaves nothing by half', async () => {
  const [instance = ''] = under.ready('web').map((each) => each.instance);
  await writeFile(join(folder, 'big'), '');
  await truncate(join(folder, 'big'), 2 ** 30);
  await terminal.begin(`shoal cp ${folder}/big ${instance}:/big; echo "ended with $?"`);
  const line = /^━*─+ +\d+% +\d+s +\d\S+ \w+ of 1\.0 GiB +\S+ \S+\/s +\S+ left$/m;
  const screen = await terminal.until((shown) => line.test(shown), 'how far it is');
  const [bar = ''] = line.exec(screen)?.[0].split(' ') ?? [];
  expect(bar).toHaveLength(16);
  await terminal.press('C-c');
  const ended = await terminal.ended();
  expect(ended).not.toContain('━');
  await expectGolden('cp-interrupted', ended);
  await writeFile(join(folder, 'small'), 'x'.repeat(100));
  await terminal.run(
    `shoal cp ${folder}/small ${instance}:/; shoal exec ${instance} -- sh -c 'ls $SHOAL_FOLDER'`,
  );
  await expectGolden('cp', await terminal.screen());
});

test('what instances use', async () => {
  const isSaid = (screen: string): boolean => screen.split(' ago').length > 2;
  await eventually(
    async () => isSaid(await terminal.run('shoal top instances')),
    30_000,
    'what they use',
  );
  await expectGolden('top-instances', narrowed(await terminal.screen()));
});

test('nothing else is kept', () => scene.goldens.expectNothingElse());
