/** What is handed off to an instance reaches it once, however often it is asked for, and outlives the agent. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Effects, ReplyTo } from '../../../actors/runtime/effect.ts';
import type { ExecInput, Executed } from '../../../edge-agent/drivers/driver.ts';
import {
  HAND_OFFS_PER_NODE_MAX,
  handedOff,
  handOffAsked,
  handOffKept,
} from '../../../edge-agent/hand-off.ts';
import { handOffTo } from '../../../edge-agent/handing-off.ts';
import { reconcile, reportedOn } from '../../../edge-agent/runner.ts';
import { handOffSpec } from '../../../subjects/index.ts';
import { entry, inputOf, jobsOf, NODE, Scene, spec } from './scene.ts';

const name = 'default.web-1';
const handOff = handOffSpec.parse({ command: ['set', 'up'], environment: { A: 'b' } });

describe('an ask', () => {
  let scene: Scene;
  beforeEach(() => {
    scene = new Scene();
    scene.assign(spec());
    scene.list([entry()]);
    reconcile(scene.state, NODE, scene.context);
    const at = { pid: 7, address: '10.0.0.1', ports: {}, at: scene.now };
    reportedOn(scene.state, { name, run: 1, kind: 'started', ...at }, scene.context);
  });
  const from: ReplyTo = { send: () => undefined };
  const ask = (id: string, more: object = {}): Effects =>
    handOffAsked(scene.state, {
      payload: { tenant: 'default', instance: 'web-1', epoch: 1, claim: 'a-1', handOff, ...more },
      ...{ tokens: { node: NODE }, id, from },
    });
  const code = ([one]: Effects) =>
    one?.kind === 'reply'
      ? (one.answer as { readonly refusal?: { readonly code: string } }).refusal?.code
      : undefined;

  test('is begun once, and all who ask are answered when it is over', () => {
    expect(inputOf(ask('x'), 'handOff')).toMatchObject({ name, run: 1, claim: 'a-1', handOff });
    expect(jobsOf(ask('y'))).toEqual([]);
    expect(code(ask('z', { claim: 'a-2' }))).toBe('hand-off-unknown');
    const outcome = { name, came: { exitCode: 0 } };
    const answers = handedOff(NODE)(scene.state, { outcome, memo: undefined });
    expect(answers).toMatchObject([
      { kind: 'reply', answer: { ok: true, value: { node: NODE, exitCode: 0 } } },
      { kind: 'reply' },
    ]);
    expect(scene.state.handOffs.size).toBe(0);
  });

  test('that takes long is answered meanwhile', () => {
    ask('x');
    const due = { key: name, payload: undefined };
    const told = handOffKept(NODE)(scene.state, due);
    expect(told).toMatchObject([{ answer: { value: { isUnderWay: true } } }]);
    expect(handOffKept(NODE)(scene.state, due)).toEqual([]);
    expect(ask('y')).toMatchObject([{ kind: 'after', name: 'handOff' }]);
  });

  test('about what does not run here is refused, and so is one too many', () => {
    expect(code(ask('x', { instance: 'web-2' }))).toBe('instance-not-running');
    expect(code(ask('x', { epoch: 9 }))).toBe('instance-not-running');
    for (let index = 0; index < HAND_OFFS_PER_NODE_MAX; index++) {
      scene.state.handOffs.set(String(index), { claim: 'b', waiting: new Map() });
    }
    expect(code(ask('x'))).toBe('overloaded');
  });
});

describe('on its machine', () => {
  let folder: string;
  let ran: ExecInput[];
  let comes: Executed;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hand-off-'));
    ran = [];
    comes = { kind: 'ended', exitCode: 0, signal: undefined, output: 'one\ntwo\n' };
  });
  afterEach(() => rm(folder, { recursive: true }));
  const drivers = {
    folder: () => folder,
    copy: async () => ({ kind: 'unsupported', message: 'it has no files' }) as const,
    exec: async (input: ExecInput) => {
      ran.push(input);
      return comes;
    },
  };
  const done = (more: object = {}) =>
    handOffTo(drivers, { name, run: 1, claim: 'a-1', handOff, ...more });

  test('the command runs with its environment, and once: then what came of it is told again', async () => {
    const came = { exitCode: 0, output: 'one\ntwo\n' };
    expect(await done()).toEqual({ name, came });
    expect(ran).toMatchObject([{ command: ['set', 'up'], environment: { A: 'b' }, run: 1 }]);
    expect(await done()).toEqual({ name, came });
    expect(await done({ handOff: undefined })).toEqual({ name, came });
    expect(ran).toHaveLength(1);
    expect((await done({ claim: 'a-2' })).came).toHaveProperty('unknown');
  });

  test.each([
    [
      { kind: 'ended', exitCode: 3, signal: undefined, output: 'x\nno such user\n' },
      /3: no such u/,
    ],
    [{ kind: 'ended', exitCode: undefined, signal: 'SIGKILL', output: '' }, /SIGKILL/],
    [{ kind: 'timed-out', output: '' }, /did not end within 10s/],
    [{ kind: 'not-run', message: 'no such program' }, /no such program/],
    [{ kind: 'unknown', message: 'its run is over' }, /run is over/],
  ] as const)('what does not end with 0 has failed: %o', async (executed, why) => {
    comes = executed;
    expect((await done()).came).toMatchObject({ failure: expect.stringMatching(why) });
    expect((await done()).came).toMatchObject({ failure: expect.stringMatching(why) });
    expect(ran).toHaveLength(1);
  });

  test('what an agent began that is gone is never done again', async () => {
    await writeFile(join(folder, 'handed-off.json'), JSON.stringify({ claim: 'a-1' }));
    expect((await done()).came).toEqual({ unknown: 'an agent that is gone had begun it' });
    await writeFile(join(folder, 'handed-off.json'), '{');
    expect((await done()).came).toHaveProperty('unknown');
    expect(ran).toEqual([]);
  });

  test('without files that can be brought the command is not run', async () => {
    const files = [{ path: 'a/b', text: 'c', mode: '0444' }];
    expect((await done({ handOff: { ...handOff, files } })).came).toEqual({
      failure: 'it has no files',
    });
    expect(ran).toEqual([]);
  });

  test('nothing is begun for who only wants to know', async () => {
    expect((await done({ handOff: undefined })).came).toHaveProperty('unknown');
    await expect(readFile(join(folder, 'handed-off.json'))).rejects.toThrow();
  });
});
