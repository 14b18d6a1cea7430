/** The network of an instance: made before its first container, gone after the last, lost with a reason. */
import { expect, test } from 'vitest';
import { silentLog } from '../../../../actors/runtime/log.ts';
import type { Engine } from '../../../../edge-agent/drivers/docker/engine.ts';
import { Groups } from '../../../../edge-agent/drivers/docker/groups.ts';
import { Left } from '../../../../edge-agent/drivers/docker/left.ts';
import type { Run } from '../../../../edge-agent/drivers/docker/run.ts';
import type { Kept } from '../../../../edge-agent/drivers/run-folder.ts';
import { NAME, startInput } from '../../../integration/agent/driver-fixture.ts';

const NETWORK = `shoal-a-${NAME}-network`;
const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

/** An engine that does what it is asked, and tells. */
class Asked {
  readonly done: string[] = [];
  readonly running = new Set<string>();
  /** Removals wait for it. */
  gate: Promise<void> = Promise.resolve();
  /** It does not answer how something stands, or whether that has ended. */
  isAway = false;

  readonly engine = {
    create: async ({ name }: { readonly name: string }) => void this.done.push(`create ${name}`),
    putArchive: async () => undefined,
    start: async (name: string) => {
      this.done.push(`start ${name}`);
      this.running.add(name);
    },
    remove: async (name: string) => {
      await this.gate;
      this.done.push(`remove ${name}`);
      this.running.delete(name);
    },
    kill: async (name: string) => {
      await this.gate;
      if (this.isAway) throw new Error('does not answer');
      this.done.push(`end ${name}`);
      this.running.delete(name);
    },
    inspect: async (name: string) => {
      if (this.isAway) throw new Error('does not answer');
      return { State: { Running: this.running.has(name) } };
    },
    list: async () => [],
  } as unknown as Engine;
}

const spec = {
  ...{ driver: 'docker', image: 'i:1', command: ['a'] },
  sidecars: [{ name: 'side', command: ['b'] }],
};
function part(sidecar: string | undefined, run: number): Kept {
  const input = startInput(spec, run);
  const own = sidecar === undefined ? input : { ...input, sidecar, name: `${NAME}.${sidecar}` };
  return { input: own, epoch: 1, address: '127.0.0.1', ports: {}, startedAt: 0 };
}
function scene() {
  const asked = new Asked();
  const runs = new Map<string, Run>();
  const kept = new Map<string, Kept>();
  const { engine } = asked;
  const left = new Left(engine);
  const groups = new Groups({ engine, agent: 'a', runs, kept, left, log: silentLog });
  const enter = (of: Kept, stop = new AbortController().signal) =>
    groups.enter(of, { stop, obtain: async () => undefined });
  /** A part in its network; `stopped` counts what it was told. */
  const runsIn = async (of: Kept) => {
    await enter(of);
    const its = { number: of.input.run, stopped: 0, isOver: false, isDone: false };
    const look = async () => undefined;
    const stop = () => void its.stopped++;
    runs.set(of.input.name, Object.assign(its, { stop, look }) as unknown as Run);
    kept.set(of.input.name, of);
    const group = groups.partOf(of);
    if (!group) throw new Error('it has sidecars');
    return { its, group };
  };
  return { asked, groups, enter, runsIn };
}
const [side, program] = [part('side', 1), part(undefined, 2)];

/** A part that comes now waits until the last of those before is gone, and gets another network. */
async function waitsForAnother(
  { asked, enter }: Pick<ReturnType<typeof scene>, 'asked' | 'enter'>,
  last: Awaited<ReturnType<ReturnType<typeof scene>['runsIn']>>,
): Promise<void> {
  asked.done.length = 0;
  const again = enter(part('side', 3));
  await turn();
  expect(asked.done).toEqual([]);
  await last.group.gone();
  expect(await again).toBe(NETWORK);
  expect(asked.done).toEqual([...[`remove ${NETWORK}`, `create ${NETWORK}`, `start ${NETWORK}`]]);
}

test('it is made once, and goes with the last one, before the end of that is told', async () => {
  const { asked, runsIn } = scene();
  const [one, other] = [await runsIn(side), await runsIn(program)];
  expect(asked.done.filter((each) => each.startsWith('start'))).toEqual([`start ${NETWORK}`]);
  asked.done.length = 0;
  await other.group.closing();
  expect(asked.done).toEqual([]);
  await other.group.gone();
  expect(asked.done).toEqual([]);
  // Its ports are free when its end is told; what it printed may still be read from its container.
  await one.group.closing();
  expect(asked.done).toEqual([`end ${NETWORK}`]);
  await one.group.gone();
  expect(asked.done).toEqual([`end ${NETWORK}`, `remove ${NETWORK}`]);
});

test('of two that end at the same time the later one ends it, and it goes after both', async () => {
  const { asked, runsIn } = scene();
  const [one, other] = [await runsIn(side), await runsIn(program)];
  asked.done.length = 0;
  await Promise.all([one.group.closing(), other.group.closing()]);
  expect(new Set(asked.done)).toEqual(new Set([`end ${NETWORK}`]));
  await one.group.gone();
  expect(asked.done).not.toContain(`remove ${NETWORK}`);
  await other.group.gone();
  expect(asked.done.at(-1)).toBe(`remove ${NETWORK}`);
});

test('what a start that failed has left is removed, and nobody waits for it', async () => {
  const { asked, enter } = scene();
  await enter(side);
  asked.done.length = 0;
  expect(await enter(part('side', 3))).toBe(NETWORK);
  expect(asked.done).toEqual([...[`remove ${NETWORK}`, `create ${NETWORK}`, `start ${NETWORK}`]]);
});

test('who comes while it is being removed gets another one', async () => {
  const { asked, enter, runsIn } = scene();
  const one = await runsIn(side);
  asked.done.length = 0;
  let open = (): void => undefined;
  asked.gate = new Promise((resolve) => {
    open = resolve;
  });
  const gone = one.group.gone();
  await turn();
  const next = enter(part('side', 3));
  open();
  await Promise.all([gone, next]);
  expect(asked.done).toEqual([
    ...[`remove ${NETWORK}`, `remove ${NETWORK}`, `create ${NETWORK}`, `start ${NETWORK}`],
  ]);
  expect(asked.running).toEqual(new Set([NETWORK]));
});

test('who comes when it has ended waits until nobody is in it, and all of those are told why', async () => {
  const { asked, groups, enter, runsIn } = scene();
  const [one, other] = [await runsIn(side), await runsIn(program)];
  asked.running.delete(NETWORK);
  await groups.look(NAME);
  await groups.look(NAME);
  expect([one.its.stopped, other.its.stopped]).toEqual([1, 1]);
  const end = { exitCode: 0, signal: undefined, message: undefined };
  expect(one.group.explained(end)).toMatchObject({
    exitCode: undefined,
    message: expect.stringContaining('held its network is gone'),
  });
  Object.assign(one.its, { isOver: true, isDone: true });
  await one.group.gone();
  await waitsForAnother({ asked, enter }, other);
  // What is in the new one has lost nothing.
  expect(groups.partOf(part('side', 3))?.explained(end)).toEqual(end);
});

test('who comes when its end was asked for gets another one, also while it is seen to run', async () => {
  const { asked, enter, runsIn } = scene();
  const [one, other] = [await runsIn(side), await runsIn(program)];
  asked.isAway = true;
  await Promise.all([one.group.closing(), other.group.closing()]);
  asked.isAway = false;
  for (const { its } of [one, other]) Object.assign(its, { isOver: true });
  Object.assign(one.its, { isDone: true });
  await one.group.gone();
  await waitsForAnother({ asked, enter }, other);
});

test('who waits for others to end can be told to stop', async () => {
  const { asked, enter, runsIn } = scene();
  await runsIn(program);
  asked.running.delete(NETWORK);
  const stop = new AbortController();
  const waiting = enter(part('side', 3), stop.signal);
  await turn();
  stop.abort();
  await expect(waiting).rejects.toThrow('told to stop before it was started');
});

test('what has ended by itself keeps its own end', async () => {
  const { asked, groups, runsIn } = scene();
  const one = await runsIn(program);
  asked.running.delete(NETWORK);
  Object.assign(one.its, {
    look: async () => {
      one.its.isOver = true;
    },
  });
  await groups.look(NAME);
  const end = { exitCode: 0, signal: undefined, message: undefined };
  expect(one.group.explained(end)).toEqual(end);
  expect(one.its.stopped).toBe(0);
});

test('an instance without sidecars has nothing to do with it', async () => {
  const { asked, groups, enter } = scene();
  const input = startInput({ ...spec, sidecars: [] });
  const alone = { ...program, input };
  expect(await enter(alone)).toBeUndefined();
  expect(groups.partOf(alone)).toBeUndefined();
  await groups.left(input);
  expect(asked.done).toEqual([]);
});
