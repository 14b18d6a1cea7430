/**
 * `shoal debug` on a real fabric: what its actors do while a workload is placed, a node dies and
 * its instances are replaced is recorded, and decided the same when it is run again.
 *
 * With `HISTORIES=write` what was recorded becomes test/unit/histories.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLog } from '../../actors/runtime/log.ts';
import { joinBus } from '../../actors/runtime/nats/process.ts';
import {
  address,
  type Decided,
  encode,
  type Frame,
  nodeState,
  placementDecided,
} from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { expectReplay } from '../support/history.ts';
import { eventually } from '../support/ports.ts';
import { Running, shoal } from '../support/running.ts';
import { shoalHere } from '../support/shoal-here.ts';

const ACTORS = ['scheduler', 'workload', 'membership'];

describe('the step recorder', () => {
  let under: FabricUnderTest;
  let folder: string;
  let environment: Readonly<Record<string, string>>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shoal-test-recording-'));
    under = await fabricUnderTest(['n1', 'n2', 'n3'], { hasGateway: false });
    const seed = join(under.fabric.layout.keys, 'operator-operator.nk');
    environment = { SHOAL_NATS: under.fabric.natsUrl, SHOAL_SEED: seed };
    await eventually(
      () =>
        [...under.nodes.entries()].filter(({ value }) => nodeState(value) === 'ready').length === 3,
      20_000,
      'ready nodes',
    );
  });
  afterAll(async () => {
    await under?.[Symbol.asyncDispose]();
    if (folder) await rm(folder, { recursive: true, force: true });
  });
  /** Puts a record of a decision into the stream, as a control plane does. */
  const tell = async (workload: string, decided: Decided): Promise<void> => {
    const seedFile = join(under.fabric.layout.keys, 'control-control.nk');
    const identity = { role: 'control', name: 'control' } as const;
    const settings = { servers: under.fabric.natsUrls, seedFile };
    const { ports, connection } = await joinBus(settings, identity, { log: silentLog });
    const subject = address(placementDecided, { tenant: 'default', workload });
    const message = { subject, body: encode(placementDecided, decided), headers: {} };
    const isStored = await new Promise((resolve) =>
      ports.bus.append('DECISIONS', message, resolve),
    );
    await connection.close();
    expect(isStored).toBe(true);
  };
  const fileOf = (actor: string): string => join(folder, `${actor}.jsonl`);
  const framesIn = async (actor: string): Promise<readonly Frame[]> =>
    (await readFile(fileOf(actor), 'utf8').catch(() => ''))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Frame);

  test('a placement, a death and its replacements are recorded, and decided so again', async () => {
    const recording = ACTORS.map(
      (actor) => new Running(['debug', 'record', actor, fileOf(actor), '--for', '5m'], environment),
    );
    for (const actor of ACTORS) {
      await eventually(async () => (await framesIn(actor)).length > 0, 20_000, `${actor} records`);
    }
    await under.apply('web', { count: 3, command: ['sleep', '600'], grace: '1s' });
    await eventually(() => under.ready('web').length === 3, 20_000, '3 ready');
    await under.fabric.killNode('n2');
    await eventually(
      () =>
        under.ready('web').length === 3 && under.ready('web').every(({ node }) => node !== 'n2'),
      20_000,
      'replaced',
    );
    for (const actor of ACTORS) {
      const { code, out, err } = await shoalHere(['debug', 'off', actor], environment);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toContain(`${actor} records no longer`);
    }
    for (const [index, one] of recording.entries()) {
      const { code, err } = await one.end();
      expect(code, err).toBe(0);
      expect(err).toMatch(new RegExp(`^\\d+ steps of ${ACTORS[index]} in `));
    }
    for (const actor of ACTORS) {
      const steps = (await framesIn(actor)).filter(({ entry }) => entry?.kind === 'step');
      expect(steps.length, actor).toBeGreaterThan(4);
      await expectReplay(pathToFileURL(fileOf(actor)));
    }
    const labels = (await framesIn('scheduler')).flatMap(({ entry }) =>
      entry?.kind === 'step' ? [entry.label] : [],
    );
    expect(labels.filter((label) => label === 'work.place').length).toBeGreaterThanOrEqual(2);
    if (process.env['HISTORIES'] === 'write') {
      for (const actor of ACTORS) {
        const text = await readFile(fileOf(actor), 'utf8');
        const plain = text.replaceAll(`"hostname":"${hostname()}"`, '"hostname":"somewhere"');
        await writeFile(new URL(`../unit/histories/${actor}.jsonl`, import.meta.url), plain);
      }
    }
  });

  test('`shoal debug replay` says where another decision would have been made', async () => {
    const file = fileOf('scheduler');
    const same = await shoal(['debug', 'replay', file], environment);
    expect(same.out).toMatch(/^scheduler of control-\w+: \d+ steps, all decided the same\n$/);
    expect(same.code).toBe(0);
    const changed = (await readFile(file, 'utf8')).replace('"parked":[]', '"parked":["web-none"]');
    await writeFile(`${file}.changed`, changed);
    const other = await shoal(['debug', 'replay', `${file}.changed`], environment);
    expect(other.code).toBe(1);
    expect(other.out).toContain('decides otherwise at frame');
    expect(other.out).toContain('recorded  "web-none"\n  now       nothing');
  });

  test('`shoal explain` reads what was decided, the newest, all, or of an instance', async () => {
    const newest = await shoalHere(['explain', 'web'], environment);
    expect(newest).toMatchObject({ code: 0, err: '' });
    expect(newest.out).toMatch(/^web: decided 20\S+Z\n {2}nodes +3; 2 could take one instance\n/);
    expect(newest.out).toMatch(/removed +1 by accepts/);
    const all = await shoalHere(['explain', 'web', '--all', '-o', 'json'], environment);
    const { items } = JSON.parse(all.out);
    expect(items.map((each: Decided) => each.placed.length)).toEqual([3, 1]);
    const [first] = items[0].placed;
    const moved = items[1].placed[0].instance;
    const one = await shoalHere(['explain', moved], environment);
    expect(one.out).toContain(moved);
    expect(first.score).toEqual([0, expect.any(Number)]);
    const then = new Date(items[0].at).toISOString();
    const before = await shoalHere(['explain', 'web', '--at', then], environment);
    expect(before.out).toContain(`web: decided ${then}`);
    const now = await shoalHere(['explain', 'web', '--now'], environment);
    expect(now.out).toContain('service web: 3 of 3 instances would be placed now');
    const none = await shoalHere(['explain', 'nothing'], environment);
    expect(none).toMatchObject({ code: 1, out: '' });
    expect(none.err).toContain('no decision about nothing of tenant default is kept');
  });

  test('`shoal replay` finds every decision the same, and says what it cannot judge', async () => {
    const all = await shoal(['replay'], environment);
    expect(all).toMatchObject({ code: 0, err: '' });
    expect(all.out).toMatch(/^DECIDED +WORKLOAD +GEN +JUDGED +NOT JUDGED +NOW\n/);
    expect(all.out).toMatch(/\n20\S+Z +web +1 +3 +0 +the same\n20\S+Z +web +1 +1 +0 +the same\n/);
    expect(all.out).toContain('2 decisions: 2 the same, 0 otherwise, 0 not judged');
    const json = await shoal(['replay', 'web', '--json'], environment);
    const { items, summary } = JSON.parse(json.out);
    expect(items.map((each: { judged: number }) => each.judged)).toEqual([3, 1]);
    expect(summary.placements).toEqual({ same: 4, otherwise: 0, notJudged: 0 });
    const kept = await shoalHere(['explain', 'web', '--all', '--json'], environment);
    const moved = JSON.parse(kept.out).items[1];
    const instance = moved.placed[0].instance;
    const one = await shoal(['replay', instance, '--json'], environment);
    // First placed with two others, then moved: judged twice, the others not at all.
    expect(JSON.parse(one.out).summary.placements).toEqual({ same: 2, otherwise: 0, notJudged: 0 });
    const since = new Date(moved.at).toISOString();
    const late = await shoal(['replay', '--since', since, '--json'], environment);
    expect(JSON.parse(late.out).summary.decisions).toMatchObject({ same: 1 });
  });

  test('`shoal replay` ends with 1 and says where another node would be chosen', async () => {
    const decided: Decided = {
      ...{ at: Date.now(), generation: 1, revision: 1, nodes: 3, feasible: 3, removed: {} },
      placed: [
        { instance: 'odd-aaaaa', node: 'n1', epoch: 1, score: [1, 0.25] },
        { instance: 'odd-bbbbb', node: 'n3', epoch: 2 },
      ],
      parked: [],
      next: [{ node: 'n3', score: [0, 0.25] }],
    };
    await tell('odd', decided);
    const other = await shoal(['replay', 'odd'], environment);
    expect(other).toMatchObject({ code: 1, err: '' });
    expect(other.out).toMatch(
      /odd-aaaaa +n1 \(fit 0.25, 1 there\) +n3 \(fit 0.25, 0 there\) +fewer there\n/,
    );
    expect(other.out).toContain(
      '1 decision: 0 the same, 1 otherwise, 0 not judged; placements: 0 the same, 1 otherwise, 1 not judged',
    );
    const none = await shoal(['replay', 'nothing'], environment);
    expect(none).toMatchObject({ code: 1, out: '' });
    expect(none.err).toContain('no decision about nothing of tenant default is kept');
    const empty = await shoal(['replay', '--tenant', 'nobody', '--since', '1h'], environment);
    expect(empty).toMatchObject({ code: 1, out: '' });
    expect(empty.err).toMatch(/no decision of tenant nobody is kept since 20\S+Z;/);
  });

  test('what is no recording, and an actor that is not there, are said so', async () => {
    const file = join(folder, 'other.jsonl');
    await writeFile(file, '{"a":1}\n');
    const wrong = await shoal(['debug', 'replay', file], environment);
    expect(wrong).toMatchObject({ code: 2, out: '' });
    expect(wrong.err).toContain(`${file}:1 is no frame of a recording`);
    const absent = await shoalHere(['debug', 'on', 'painter', '--for', '10s'], environment);
    expect(absent.code).toBe(3);
    expect(absent.err).toContain('no copy of painter answers');
  });
});
