/** A node, its ledger and the event of a change are made together, in the order they need. */
import { describe, expect, test } from 'vitest';
import { fact, nodeEvent, performed, transition } from '../../../actors/membership/transition.ts';
import { eventNoticed, ledgerRecord, nodeRecord, withEntry } from '../../../subjects/index.ts';
import { ofKind, sent, stages, told, written } from '../../support/effects.ts';
import { instanceOf, ledgerOf, nodeOf, oneCore, usual } from '../../support/records.ts';

describe('a transition', () => {
  test('makes a new node an empty ledger of its capacity', () => {
    const node = nodeOf('n1', { liveness: 'enrolling' });
    expect(transition(node, undefined).ledger).toEqual({
      node: 'n1',
      capacity: oneCore,
      accepts: 'enrolling',
      incarnation: 1,
      entries: {},
      sums: { cpuMilli: 0, memoryBytes: 0, diskBytes: 0 },
    });
  });

  test('keeps what the ledger lists, and follows the node in what it accepts and can hold', () => {
    const node = nodeOf('n1');
    const ledger = withEntry(ledgerOf(node), instanceOf('web-1', { epoch: 1 }), usual);
    const shrunk = nodeOf('n1', {
      administered: 'cordoned',
      capacity: { ...oneCore, cpuMilli: 50 },
    });
    expect(transition(shrunk, ledger)).toEqual({
      node: shrunk,
      ledger: { ...ledger, accepts: 'cordoned', capacity: { ...oneCore, cpuMilli: 50 } },
    });
  });

  test('raises the incarnation when the node is declared offline, and only then', () => {
    const node = nodeOf('n1', { liveness: 'offline' });
    const ledger = ledgerOf(node, { incarnation: 4 });
    expect(transition(node, ledger, { isDeclaredOffline: true }).ledger.incarnation).toBe(5);
    expect(transition(node, ledger).ledger.incarnation).toBe(4);
  });
});

describe('what is written', () => {
  test('ledgers first, so that a scheduler that still sees room conflicts; then nodes; then events', () => {
    const both = ['n1', 'n2'].map((id) => {
      const last = fact('suspect', 7, 'unheard for 2s');
      return transition(nodeOf(id, { liveness: 'suspect', last }), ledgerOf(nodeOf(id)));
    });
    const effects = performed(both);
    expect(effects.map((each) => each.kind)).toEqual(['commit', 'commit', 'publish', 'publish']);
    expect(stages(effects)).toEqual([['ledger'], ['node']]);
    expect(written(effects, ledgerRecord).map((each) => each.accepts)).toEqual([
      'suspect',
      'suspect',
    ]);
    expect(written(effects, nodeRecord).map((each) => each.node)).toEqual(['n1', 'n2']);
    expect(told(effects)).toEqual(['node n1 suspect', 'node n2 suspect']);
  });

  test('nothing, where nothing changes', () => {
    expect(performed([])).toEqual([]);
  });
});

describe('an event', () => {
  test('says what the node last did, under an id that only the same fact has', () => {
    const node = nodeOf('n1', { last: fact('offline', 7, 'unheard for 3s') });
    const [event] = sent([nodeEvent(node)], eventNoticed);
    expect(event?.tokens).toEqual({ tenant: 'shoal', noun: 'node', id: 'n1', verb: 'offline' });
    expect(eventNoticed.schema.safeParse(event?.payload).success).toBe(true);
    const idOf = (of: typeof node) => ofKind([nodeEvent(of)], 'publish')[0]?.id;
    expect(idOf({ ...node, labels: { a: 'b' } })).toBe(idOf(node));
    const others = [
      nodeOf('n2', { last: node.last }),
      nodeOf('n1', { last: fact('ready', 7, '') }),
      nodeOf('n1', { last: fact('offline', 8, '') }),
    ];
    expect(new Set([node, ...others].map(idOf)).size).toBe(4);
  });

  test('is never longer than its contract allows', () => {
    const node = nodeOf('n1', { last: fact('cordoned', 1, 'x'.repeat(900)) });
    expect(nodeRecord.schema.safeParse(node).success).toBe(true);
  });
});
