/** The fabric knows the node: it joins, beats whatever else happens, and tells what has changed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Effects } from '../../../actors/runtime/effect.ts';
import type { MeasureReport } from '../../../edge-agent/jobs.ts';
import {
  beat,
  connected,
  connectionKnown,
  factsKnown,
  joinAgain,
  joined,
  measured,
  prompted,
} from '../../../edge-agent/presence.ts';
import type { State } from '../../../edge-agent/state.ts';
import {
  encode,
  type NodeFacts,
  nodeBeat,
  nodeFacts,
  nodeSnapshot,
  nodeUsage,
  type Snapshot,
  USES_MAX,
  type Usage,
} from '../../../subjects/index.ts';
import { delayOf, jobsOf, NODE, Scene } from './scene.ts';

const due = { key: '', payload: undefined };
const connection = { server: 'S', client: 4 };
const facts: NodeFacts = nodeFacts.parse({
  ...{ identity: 'a'.repeat(36), class: 'steady', labels: {}, architecture: 'x64' },
  ...{ platform: 'linux', hostname: 'h', address: '127.0.0.1', agentVersion: '1', protocol: 1 },
  ...{ drivers: {}, capacity: { cpuMilli: 4_000, memoryBytes: 1_000, diskBytes: 9 } },
});
const kinds = (effects: Effects) => effects.map((each) => each.kind);
const published = (effects: Effects) =>
  effects.flatMap((each) => (each.kind === 'publish' ? [each.payload] : []));
const ready = (more: Partial<State> = {}) =>
  new Scene({ connection, isJoined: true, beatMs: 1_000, facts, ...more });

describe('the bus', () => {
  test('is there: everything is found out, and what is unsaid is said', () => {
    const { state } = new Scene();
    const first = connected(state, { isFirst: true });
    expect(jobsOf(first)).toEqual(['connection', 'facts', 'adopt', 'measure']);
    expect(delayOf(first, 'say')).toBe(0);
  });

  test('is back: what was missed is read, and nothing is adopted twice', () => {
    const again = connected(new Scene().state, { isFirst: false });
    expect(jobsOf(again)).toEqual(['connection', 'reread', 'list']);
    expect(delayOf(again, 'say')).toBe(0);
  });

  test('over another connection is told of at once by a beat', () => {
    const { state, context } = ready();
    const outcome = { server: 'T', client: 9 };
    const effects = connectionKnown(NODE)(state, { outcome, memo: undefined }, context);
    expect(published(effects)).toMatchObject([{ connection: outcome }]);
  });

  test('hears no beat of a node that has not joined', () => {
    const { state, context } = new Scene();
    const effects = connectionKnown(NODE)(state, { outcome: connection, memo: undefined }, context);
    expect(effects).toEqual([]);
  });
});

describe('joining', () => {
  const answer = (state: State, of: object, scene = new Scene()) =>
    joined(NODE)(state, { answer: of as never, memo: undefined }, scene.context);
  const yes = (incarnation: number) => ({ ok: true, value: { incarnation, beatMs: 5_000 } });
  const no = (code: string) => ({ ok: false, refusal: { code, detail: `why ${code}` } });

  test('waits for what the node is', () => {
    const { state, context } = new Scene();
    expect(joinAgain(NODE)(state)).toEqual([]);
    const effects = factsKnown(NODE)(state, { outcome: facts, memo: undefined });
    expect(effects).toMatchObject([{ kind: 'request', payload: facts }]);
    expect(kinds(joinAgain(NODE)(state))).toEqual(['request']);
    expect(context.now).toBeGreaterThan(0);
  });

  test('accepted: beats as often as it was told, and reads what it owns', () => {
    const { state } = ready({ isJoined: false });
    const effects = answer(state, yes(4));
    expect(state).toMatchObject({ isJoined: true, beatMs: 5_000, incarnation: 4 });
    expect(jobsOf(effects)).toEqual(['reread']);
    expect(delayOf(effects, 'beat')).toBe(5_000);
  });

  test('never goes back to an earlier incarnation', () => {
    const { state } = ready({ incarnation: 7 });
    answer(state, yes(4));
    expect(state.incarnation).toBe(7);
  });

  test.each(['actor-unavailable', 'store-unavailable', 'overloaded', 'actor-fault'])(
    'refused with %s is tried again soon',
    (code) => {
      const { state } = ready({ isJoined: false });
      const effects = answer(state, no(code));
      expect([kinds(effects), delayOf(effects, 'join')]).toEqual([['after'], 500]);
    },
  );

  test('refused as too many versions away: beats all the same, says so once, asks again', () => {
    const { state } = ready({ isJoined: false });
    const first = answer(state, no('protocol-unsupported'));
    expect(jobsOf(first)).toEqual(['tellApart', 'reread']);
    expect(published(first)).toHaveLength(1);
    expect(delayOf(first, 'join')).toBe(5_000);
    const again = answer(state, no('protocol-unsupported'));
    expect(again).toMatchObject([{ kind: 'after', name: 'join' }]);
    answer(state, yes(4));
    expect(jobsOf(answer(state, no('protocol-unsupported')))).toEqual(['tellApart']);
  });

  test('as somebody else’s node gives up, with the reason; later that is only tried again', () => {
    const { state } = ready({ isJoined: false });
    expect(answer(state, no('node-taken'))).toMatchObject([
      { kind: 'run', job: 'giveUp', input: 'why node-taken' },
    ]);
    state.isJoined = true;
    expect(delayOf(answer(state, no('node-taken')), 'join')).toBe(500);
  });
});

describe('a beat', () => {
  test('says what is applied, over which connection, and fits its contract', () => {
    const { state, context } = ready({ incarnation: 2, applied: 99 });
    const [one] = published(beat(NODE)(state, due, context));
    expect(one).toEqual({ incarnation: 2, applied: 99, connection });
    expect(nodeBeat.schema.safeParse(one).success).toBe(true);
  });

  test('arranges the next one within a tenth of its interval', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (random) => {
        const scene = ready();
        scene.random = random;
        const delayMs = delayOf(beat(NODE)(scene.state, due, scene.context), 'beat');
        expect(delayMs).toBeGreaterThanOrEqual(900);
        expect(delayMs).toBeLessThanOrEqual(1_000);
      }),
    );
  });

  test.each([
    ['beat', ['publish', 'after']],
    ['join', ['request']],
    ['ledger', ['run']],
  ] as const)('is not all that is asked for: %s', (want, expected) => {
    const { state, context } = ready();
    const message = { payload: { want }, tokens: { node: NODE }, id: 'i', from: undefined };
    expect(kinds(prompted(NODE)(state, message, context))).toEqual(expected);
  });
});

describe('a snapshot', () => {
  const report: MeasureReport = {
    ...{ cpuMilli: 1_000, memoryBytes: 500, diskBytes: 5, receivedBytesPerSecond: 1 },
    ...{ sentBytesPerSecond: 1, loadAverage: 0.5, agentMemoryBytes: 70 },
  };
  const tell = (scene: Scene, more: Partial<MeasureReport> = {}) =>
    published(
      measured(NODE)(
        scene.state,
        { outcome: { ...report, ...more }, memo: undefined },
        scene.context,
      ),
    );

  test('is told the first time, whole, as the contract wants it', () => {
    const scene = ready({ applied: 3 });
    const [one] = tell(scene);
    expect(one).toEqual({ ...report, at: scene.now, instances: 0, applied: 3 });
    expect(nodeSnapshot.schema.safeParse(one).success).toBe(true);
    expect(Object.keys(one as Snapshot)).not.toContain('battery');
  });

  test.each([
    ['the same', {}, 0],
    ['a little more CPU', { cpuMilli: 1_200 }, 0],
    ['much more CPU', { cpuMilli: 1_201 }, 1],
    ['much less CPU', { cpuMilli: 799 }, 1],
    ['a little more memory', { memoryBytes: 550 }, 0],
    ['much more memory', { memoryBytes: 551 }, 1],
    ['other disk and network', { diskBytes: 900, receivedBytesPerSecond: 1e9 }, 0],
    ['a charger', { battery: { charge: 0.5, isCharging: true } }, 1],
  ])('is told when it is news: %s', (_what, more, count) => {
    const scene = ready();
    tell(scene);
    scene.now += 5_000;
    expect(tell(scene, more)).toHaveLength(count);
  });

  test('is measured against the last one told, so that small steps add up', () => {
    const scene = ready();
    tell(scene);
    expect(tell(scene, { cpuMilli: 1_150 })).toHaveLength(0);
    expect(tell(scene, { cpuMilli: 1_250 })).toHaveLength(1);
  });

  test('is told all the same after 15 seconds', () => {
    const scene = ready();
    tell(scene);
    scene.now += 14_999;
    expect(tell(scene)).toHaveLength(0);
    scene.now += 1;
    expect(tell(scene)).toHaveLength(1);
  });

  test('comes with what instances use when that was measured, the busiest of too many', () => {
    const scene = ready();
    tell(scene);
    scene.now += 5_000;
    const uses = [1, 3, 2].map((cpuMilli) => ({
      name: `t.${cpuMilli}`,
      run: 1,
      cpuMilli,
      memoryBytes: 9,
    }));
    expect(tell(scene, { uses })).toEqual([
      {
        ...{ at: scene.now, cpuMilli: 1_000, memoryBytes: 500 },
        instances: [
          ['t.3', 3, 9],
          ['t.2', 2, 9],
          ['t.1', 1, 9],
        ],
      },
    ]);
    const many = Array.from({ length: USES_MAX + 5 }, (_, cpuMilli) => ({
      ...{
        name: `${'t'.repeat(48)}.${'w'.repeat(57)}-${cpuMilli}`,
        run: 1,
        cpuMilli,
        memoryBytes: 2 ** 40,
      },
    }));
    const [told] = tell(scene, { uses: many });
    const { instances } = nodeUsage.schema.parse(told);
    expect(instances).toHaveLength(USES_MAX);
    expect(instances[0]?.[1]).toBe(USES_MAX + 4);
    expect(encode(nodeUsage, told as Usage).length).toBeLessThan(nodeUsage.bytesMax);
  });
});
