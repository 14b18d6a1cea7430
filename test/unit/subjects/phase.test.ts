/** What is derived instead of stored: an instance's phase, a node's state, what a ledger accepts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  acceptance,
  acceptanceOf,
  type Instance,
  instanceRecord,
  isOver,
  type Node,
  type NodeState,
  nodeClasses,
  nodeState,
  nodeStates,
  type Observed,
  type ObservedState,
  observedRecord,
  observedStates,
  type Phase,
  phaseOf,
  phases,
} from '../../../subjects/index.ts';
import { arbitraryOf } from '../../support/arbitraries.ts';

const instance: Instance = {
  tenant: 'default',
  instance: 'hello-00000',
  workload: 'hello',
  kind: 'service',
  generation: 1,
  intent: 'run',
  epoch: 3,
  attempt: 1,
  node: 'n1',
  avoid: [],
  failures: 0,
  createdAt: 0,
  last: { verb: 'placed', at: 0, message: '' },
};
const { node: _node, ...unbound } = instance;
const seen = (state: ObservedState, more: Partial<Observed> = {}): Observed => ({
  node: 'n1',
  tenant: 'default',
  workload: 'hello',
  instance: 'hello-00000',
  epoch: 3,
  attempt: 1,
  state,
  isReady: false,
  address: '127.0.0.1',
  ports: {},
  restarts: 0,
  changedAt: 0,
  ...more,
});
/** It came to its node at epoch 1, and was bound to it twice more. */
const again: Instance = { ...instance, nodeEpoch: 1 };
const ready = (epoch: number): Observed => seen('running', { isReady: true, epoch });
const outcome = (result: 'succeeded' | 'failed' | 'stopped') => ({ result, at: 1, message: '' });
const stop = { intent: 'stop' } as const;

describe('phaseOf', () => {
  const alive: readonly (NodeState | undefined)[] = [
    ...nodeStates.filter((state) => state !== 'offline' && state !== 'failed'),
    undefined,
  ];
  const gone: readonly NodeState[] = ['offline', 'failed'];

  /** instance, observed, nodes for which it holds, phase. */
  const rows: [
    string,
    Instance,
    Observed | undefined,
    readonly (NodeState | undefined)[],
    Phase,
  ][] = [
    ['never bound', unbound, undefined, [...alive, ...gone], 'pending'],
    [
      'never bound and to stop',
      { ...unbound, ...stop },
      undefined,
      [...alive, ...gone],
      'stopping',
    ],
    ['bound, nothing seen', instance, undefined, alive, 'placed'],
    ['bound, seen at an older epoch', instance, seen('running', { epoch: 2 }), alive, 'placed'],
    ['bound, seen at a later epoch', instance, seen('running', { epoch: 4 }), alive, 'placed'],
    ['bound here again, runs on', again, ready(1), alive, 'ready'],
    ['bound here again, not ready yet', again, seen('running', { epoch: 2 }), alive, 'running'],
    ['bound here again, was here before that', again, ready(0), alive, 'placed'],
    ['bound here again, seen at a later epoch', again, ready(4), alive, 'placed'],
    ['bound here again, to run once more', { ...again, attempt: 2 }, ready(1), alive, 'placed'],
    ['bound here again, ended before', again, seen('stopped', { epoch: 2 }), alive, 'placed'],
    ['starting', instance, seen('starting'), alive, 'starting'],
    ['running', instance, seen('running'), alive, 'running'],
    ['running and ready', instance, seen('running', { isReady: true }), alive, 'ready'],
    ['waiting to be restarted', instance, seen('backing-off'), alive, 'backing-off'],
    ['stopping by itself', instance, seen('stopping'), alive, 'stopping'],
    ['seen succeeded, not yet settled', instance, seen('succeeded'), alive, 'succeeded'],
    ['seen failed, not yet settled', instance, seen('failed'), alive, 'failed'],
    ['seen stopped, not yet settled', instance, seen('stopped'), alive, 'stopped'],
    ['to stop', { ...instance, ...stop }, seen('running', { isReady: true }), alive, 'stopping'],
    ['to stop, nothing seen', { ...instance, ...stop }, undefined, alive, 'stopping'],
    ['its node is gone', instance, seen('running', { isReady: true }), gone, 'lost'],
    ['its node is gone, nothing seen', instance, undefined, gone, 'lost'],
    ['to stop on a node that is gone', { ...instance, ...stop }, seen('running'), gone, 'lost'],
  ];
  test.each(rows)('%s', (_, one, observed, nodes, expected) => {
    for (const node of nodes) expect(phaseOf(one, observed, node), node ?? 'none').toBe(expected);
  });

  test.each(['succeeded', 'failed', 'stopped'] as const)(
    'an outcome outweighs everything: %s',
    (result) => {
      for (const node of [...alive, ...gone]) {
        for (const state of observedStates) {
          const ended = { ...instance, outcome: outcome(result) };
          expect(phaseOf(ended, seen(state, { isReady: true }), node)).toBe(result);
          expect(phaseOf({ ...ended, ...stop }, undefined, node)).toBe(result);
        }
      }
    },
  );

  const anything = fc.tuple(
    arbitraryOf(instanceRecord.schema),
    fc.option(arbitraryOf(observedRecord.schema), { nil: undefined }),
    fc.option(fc.constantFrom(...nodeStates), { nil: undefined }),
  );

  test('is always one of the phases', () => {
    fc.assert(
      fc.property(anything, ([one, observed, node]) => {
        expect(phases).toContain(phaseOf(one, observed, node));
      }),
    );
  });

  test('is ready only on a node that may live, of the run that is wanted and has not ended', () => {
    const related = anything.chain(([one, observed, node]) =>
      fc.constantFrom(one.epoch - 1, one.epoch, one.epoch + 1).map((epoch) => {
        const current: Observed | undefined = observed && { ...observed, epoch };
        return [one, current, node] as const;
      }),
    );
    fc.assert(
      fc.property(related, ([one, observed, node]) => {
        if (phaseOf(one, observed, node) !== 'ready') return;
        expect(observed).toMatchObject({ state: 'running', isReady: true });
        expect(observed?.epoch).toBeLessThanOrEqual(one.epoch);
        const { epoch, nodeEpoch = epoch } = one;
        expect(observed?.epoch).toBeGreaterThanOrEqual(Math.min(nodeEpoch, epoch));
        expect(one.intent).toBe('run');
        expect(one.node).toBeDefined();
        expect(one.outcome).toBeUndefined();
        expect(gone).not.toContain(node);
      }),
    );
  });
});

test('what is over runs no more, everything else may', () => {
  const over = observedStates.filter(isOver);
  expect(over).toEqual(['succeeded', 'failed', 'stopped']);
});

describe('a node', () => {
  const rows: [Pick<Node, 'liveness' | 'administered'>, NodeState][] = [
    [{ liveness: 'enrolling' }, 'enrolling'],
    [{ liveness: 'ready' }, 'ready'],
    [{ liveness: 'suspect' }, 'suspect'],
    [{ liveness: 'offline' }, 'offline'],
    [{ liveness: 'enrolling', administered: 'cordoned' }, 'cordoned'],
    [{ liveness: 'ready', administered: 'cordoned' }, 'cordoned'],
    [{ liveness: 'suspect', administered: 'cordoned' }, 'cordoned'],
    [{ liveness: 'offline', administered: 'cordoned' }, 'offline'],
    [{ liveness: 'enrolling', administered: 'draining' }, 'draining'],
    [{ liveness: 'ready', administered: 'draining' }, 'draining'],
    [{ liveness: 'suspect', administered: 'draining' }, 'draining'],
    [{ liveness: 'offline', administered: 'draining' }, 'offline'],
    [{ liveness: 'enrolling', administered: 'failed' }, 'failed'],
    [{ liveness: 'ready', administered: 'failed' }, 'failed'],
    [{ liveness: 'suspect', administered: 'failed' }, 'failed'],
    [{ liveness: 'offline', administered: 'failed' }, 'failed'],
  ];

  test.each(rows)('%j is %s', (node, expected) => {
    expect(nodeState(node)).toBe(expected);
    expect(acceptanceOf(node)).toBe(expected === 'ready' ? 'yes' : expected);
  });

  test('only a ready one takes new work', () => {
    const taking = rows.filter(([node]) => acceptanceOf(node) === 'yes');
    expect(taking).toEqual([[{ liveness: 'ready' }, 'ready']]);
  });

  test('what a ledger says about acceptance, its schema knows', () => {
    for (const [node] of rows) expect(acceptance.options).toContain(acceptanceOf(node));
  });

  test.each(Object.entries(nodeClasses))('%s: limits leave room for lost beats', (_, limits) => {
    expect(limits.suspectMs).toBeGreaterThanOrEqual(2 * limits.beatMs);
    expect(limits.offlineMs).toBeGreaterThanOrEqual(limits.suspectMs + limits.beatMs);
  });
});
