/**
 * The command line as somebody at a terminal of 100 × 30 sees it: a real fabric, a real bash in a real
 * tmux, and the screens of the main commands as they were when they were last looked at on purpose.
 * Write them anew with `GOLDEN=write npx vitest run --project integration terminal`, and look at them.
 */
import { writeFile } from 'node:fs/promises';
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
  const goldens = new URL('golden/', import.meta.url);
  const workloads = ['hello', 'web', 'once', 'count-to-three'];
  scene = await TerminalScene.open({ goldens, workloads }, ['n1', 'n2', 'n3'], {
    // More than any machine has: how much of it is in use is nothing to stand out.
    capacity: 'cpu=64,memory=9Ti,disk=9Ti',
    // Which of them this machine has is otherwise on another one.
    environment: { SHOAL_DEVICES: 'off' },
  });
  ({ under, terminal, folder } = scene);
});
afterAll(() => scene?.[Symbol.asyncDispose]());

const expectGolden = (name: string, screen: string): Promise<void> =>
  scene.expectGolden(name, screen);

/** The end of what is to be seen. */
function lastLines(screen: string, count: number): string {
  return screen.trimEnd().split('\n').slice(-count).join('\n');
}

/** A service whose second version is ready when a file is there. */
function manifest(version: number): string {
  const isReady = version === 1 ? '[sh, -c, exit]' : `[test, -e, ${join(folder, 'go')}]`;
  return `apiVersion: shoal/v1
kind: service
metadata: {name: web}
spec:
  count: 3
  command: [sh, -c, 'echo "this is version ${version}"; exec sleep 1000']
  probes: {readiness: {exec: {command: ${isReady}}, initialDelay: 0s, period: 500ms}}
  update: {strategy: rolling, maxSurge: 1}
`;
}

test('applying the first example, and waiting for it', async () => {
  await expectGolden('apply', await terminal.run('shoal apply -f examples/hello.yaml --wait'));
});

test('lists: workloads, instances, nodes', async () => {
  await expectGolden('get-workloads', await terminal.run('shoal get workloads'));
  await expectGolden('get-nodes', await terminal.run('shoal get nodes'));
  await terminal.run('shoal get instances --workload hello');
  await expectGolden('get-instances', await terminal.screen(true));
});

test('everything about a job', async () => {
  const job =
    'apiVersion: shoal/v1\nkind: job\nmetadata: {name: once}\nspec: {command: [sh, -c, sleep 3]}\n';
  await writeFile(join(folder, 'once.yaml'), job);
  await terminal.run(`shoal apply -f ${folder}/once.yaml --wait`);
  await terminal.resize(100, 40);
  const screen = await terminal.run('shoal describe workload once');
  // Its last phase is seen, or only its end: whichever of them comes to be read.
  const lines = screen.split('\n').filter((line) => !/succeeded +exited with 0, on n/.test(line));
  await expectGolden('describe', lines.join('\n'));
  await terminal.resize(100, 30);
});

test('an error says what to do next', async () => {
  await terminal.run('shoal get workload helo; shoal scale hello');
  await expectGolden('error', await terminal.screen(true));
});

test('a rollout while it waits, on a terminal made narrower, interrupted, and at its end', async () => {
  for (const version of [1, 2]) {
    await writeFile(join(folder, `${version}.yaml`), manifest(version));
  }
  await terminal.run(`shoal apply --wait -f ${folder}/1.yaml`);
  await terminal.run(`shoal apply -f ${folder}/2.yaml`);
  await terminal.begin('shoal rollout status web --wait; echo "ended with $?"');
  const isStuck = (screen: string): boolean => /0\/3 .*; web-.* is not ready/.test(screen);
  await terminal.until(isStuck, 'a rollout that waits');
  await expectGolden('rollout-under-way', await terminal.screen(true));
  await terminal.resize(64, 30);
  // The terminal breaks the line at once; the next drawing takes all of it away. What tmux keeps of
  // the lines above it is its own affair.
  const isOneLine = (screen: string): boolean => /^─+ .*…$/.test(lastLines(screen, 1));
  await terminal.until(isOneLine, 'a line that fits');
  const narrow = await terminal.screen();
  expect(narrow.split('0/3'), narrow).toHaveLength(2);
  await expectGolden('rollout-narrow', lastLines(narrow, 1));
  await terminal.resize(100, 30);
  await terminal.press('C-c');
  const interrupted = await terminal.ended();
  expect(interrupted).not.toContain('0/3');
  await expectGolden('rollout-interrupted', lastLines(interrupted, 2));
  await writeFile(join(folder, 'go'), '');
  await terminal.run('shoal rollout status web --wait 1m');
  await expectGolden('rollout-complete', await terminal.screen());
});

test('a list on a narrow terminal: what matters least goes', async () => {
  await terminal.resize(58, 30);
  await expectGolden('get-narrow', await terminal.run('shoal get workloads'));
  await terminal.resize(100, 30);
});

test('a list that is watched until Ctrl-C', async () => {
  await terminal.begin('shoal get workloads -w; echo "ended with $?"');
  await terminal.until((screen) => screen.includes('web'), 'what there is');
  const url = `${under.fabric.gatewayUrl}/api/v1/workloads/web`;
  await fetch(`${url}/scale`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
    body: JSON.stringify({ count: 2 }),
  });
  await terminal.until((screen) => /web .* 2\/2 /.test(screen), 'the change');
  await terminal.press('C-c');
  const screen = await terminal.ended();
  await fetch(`${url}/scale`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
    body: JSON.stringify({ count: 3 }),
  });
  // How often it was seen in between is otherwise each time.
  const lines = screen.split('\n').filter((line) => !/^web .*(progressing| 3\/2 )/.test(line));
  await expectGolden('get-watch', lines.join('\n'));
  await eventually(() => under.ready('web').length === 3, 20_000, 'three of them again');
});

test('a log that is followed until Ctrl-C', async () => {
  await terminal.begin('shoal logs -f hello; echo "ended with $?"');
  await terminal.until((screen) => screen.split('listening').length > 3, 'its lines');
  await terminal.press('C-c');
  const screen = await terminal.ended();
  await expectGolden('logs', screen);
});

test('a shell in an instance hears of another size of the terminal', async () => {
  const heard = `trap 'stty size; exit 7' WINCH; stty size; while :; do sleep 0.1; done`;
  await terminal.begin(`shoal exec -it web -- sh -c "${heard}"; echo "ended with $?"`);
  await terminal.until((screen) => screen.includes('30 100'), 'its size');
  await terminal.resize(90, 20);
  const screen = await terminal.ended();
  await terminal.resize(100, 30);
  await expectGolden('exec', screen);
});

test('what is in use', async () => {
  const isSaid = (screen: string): boolean => screen.split(' ago').length > 3;
  await eventually(async () => isSaid(await terminal.run('shoal top nodes')), 20_000, 'use');
  await expectGolden('top-nodes', await terminal.screen());
});

test('a node that is drained', async () => {
  await terminal.run('shoal node drain n1 --wait; shoal get node n1');
  await expectGolden('drain', await terminal.screen());
});

test('Tab completes commands, nouns and names', async () => {
  await terminal.run('source <(shoal completion bash); echo');
  await terminal.press('C-l');
  await terminal.type('shoal desc');
  await terminal.press('Tab');
  await terminal.until((screen) => screen.includes('describe'), 'a command');
  await terminal.type('wo');
  await terminal.press('Tab');
  await terminal.until((screen) => screen.includes('workload'), 'a noun');
  await terminal.press('Tab', 'Tab');
  const screen = await terminal.until((seen) => /hello +once +web/.test(seen), 'names');
  await terminal.press('C-c');
  await expectGolden('completion', screen);
});

test('nothing else is kept', () => scene.goldens.expectNothingElse());
