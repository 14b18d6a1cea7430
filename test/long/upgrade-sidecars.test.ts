/**
 * An agent of another version finds what runs of an instance with sidecars, and goes on with all of it:
 * the one before it, the one after it, and back.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../../actors/runtime/ask.ts';
import { agentProgram } from '../../local/fabric.ts';
import { programsIn, root } from '../../local/layout.ts';
import {
  type Observed,
  wantedSchema,
  workloadApply,
  workloadDelete,
} from '../../subjects/index.ts';
import { type Build, buildOf, hasCommit, nextBuild } from '../support/builds.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

/** A commit whose agents have sidecars, from before theirs had any in containers. */
const BEFORE = '5e1e0e1';
const tokens = { tenant: 'default', workload: 'paired' };

/** Without history there is nothing to build. */
const canBuild = hasCommit(BEFORE);
if (!canBuild) {
  process.stderr.write(`skipped: sidecars of ${BEFORE}, for this checkout has not that commit\n`);
}
const others: readonly (readonly [string, () => Build])[] = [
  ['next', () => nextBuild()],
  ...(canBuild ? [['before', () => buildOf(BEFORE) as Build] as const] : []),
];

describe.each(others)('sidecars and an agent of the version %s', (_, build) => {
  let other: Build;
  let under: FabricUnderTest;

  beforeAll(async () => {
    other = build();
    const options = { onStop: 'leave', nodeClass: 'gateway' } as const;
    under = await fabricUnderTest(['n1'], options);
  });
  afterAll(async () => {
    await under?.[Symbol.asyncDispose]();
    other?.[Symbol.dispose]();
  });

  const seen = (): Observed | undefined => {
    const [one] = under.ready('paired');
    return one && under.seen(one);
  };
  /** The process of each part, the program's first. */
  const pids = () => [seen()?.pid, ...(seen()?.sidecars ?? []).map(({ pid }) => pid)];
  const replaceAgent = async (folder: string): Promise<void> => {
    const { changedAt = 0 } = seen() ?? {};
    under.fabric.programs = programsIn(folder);
    await under.fabric.child(agentProgram('n1')).stop();
    await under.fabric.startAgent('n1');
    const isBack = () => (seen()?.changedAt ?? 0) > changedAt;
    await eventually(isBack, 20_000, 'the next agent to have found it');
  };

  test('goes on with all parts, restarts one alone, and is followed by this one', async () => {
    const command = ['sleep', '600'];
    const sidecars = [
      { name: 'one', command },
      { name: 'two', command },
    ];
    const spec = { command, sidecars, grace: '1s' };
    const wanted = wantedSchema.parse({ kind: 'service', spec });
    const { ports } = under.bus;
    const answer = () => ask(ports, workloadApply, tokens, { wanted, mode: 'put' });
    expect((await answer()).answer).toMatchObject({ ok: true });
    await eventually(() => under.ready('paired').length === 1, 20_000, 'all parts to be ready');
    const before = pids();
    expect(before.filter((pid) => pid !== undefined)).toHaveLength(3);

    await replaceAgent(other.folder);
    expect(pids()).toEqual(before);
    process.kill(-(before[1] ?? 0), 'SIGKILL');
    const isBack = () => seen()?.sidecars?.[0]?.restarts === 1;
    await eventually(isBack, 20_000, 'the sidecar to be restarted');
    const [program, one, two] = pids();
    expect([program, two]).toEqual([before[0], before[2]]);
    expect(one).not.toBe(before[1]);

    await replaceAgent(root);
    expect(pids()).toEqual([program, one, two]);
    expect(seen()).toMatchObject({ restarts: 0, isReady: true });
    await ask(ports, workloadDelete, tokens, {});
    await eventually(async () => (await under.running()).size === 0, 20_000, 'nothing to run');
  });
});
