/** What schedulers decided, for people. */
import type { Decided } from '../../subjects/index.ts';
import { type Column, type Fact, pairs, table } from '../table.ts';
import type { Paint } from './paint.ts';
import { indented, removedText } from './sections.ts';

type Placed = Decided['placed'][number];

/** `hello: decided 2026-11-21T09:40:00.000Z, generation 2` and why. */
export function decisionText(workload: string, decided: Decided, paint?: Paint): string {
  const { nodes, feasible, removed, placed, parked, next = [], revision, generation } = decided;
  const facts: readonly Fact[] = [
    ['nodes', `${nodes}; ${feasible} could take one instance`],
    ['removed', removedText(removed)],
    ['placed', placed.length === 0 ? 'none' : undefined],
    ['waiting', parked.join(', ')],
    [
      'next',
      next
        .map(({ node, score: [count, fit], held = false }) =>
          stoodText({ node, count, fit, isHeld: held }),
        )
        .join(', '),
    ],
    ['on', `revision ${revision} of the store, generation ${generation}`],
  ];
  const head = pairs(facts, paint);
  const title = `${workload}: decided ${new Date(decided.at).toISOString()}`;
  return placed.length === 0
    ? `${title}\n${indented(head)}`
    : `${title}\n${indented(head)}\n\n${placedTable(placed, paint)}`;
}

/** `n1 (fit 0.25, 2 there, in flight)` */
export function stoodText(of: {
  readonly node: string;
  readonly count: number;
  readonly fit: number;
  readonly isHeld: boolean;
}): string {
  return `${of.node} (fit ${of.fit}, ${of.count} there${of.isHeld ? ', in flight' : ''})`;
}

function placedTable(placed: readonly Placed[], paint?: Paint): string {
  const columns: readonly Column<Placed>[] = [
    { title: 'instance', text: (each) => each.instance },
    { title: 'node', text: (each) => each.node },
    { title: 'epoch', text: (each) => each.epoch, align: 'right' },
    { title: 'fit', text: (each) => each.score?.[1].toFixed(4), align: 'right', isOptional: true },
    { title: 'there', text: (each) => each.score?.[0], align: 'right', isOptional: true },
    { title: 'in flight', text: (each) => (each.held ? 'yes' : undefined), isOptional: true },
    { title: 'avoids', text: (each) => each.avoid?.join(', '), isOptional: true },
    { title: 'why', text: (each) => (each.score ? undefined : 'stays'), isOptional: true },
  ];
  return table(columns, placed, paint);
}

/** A line per decision, the oldest first. */
export function decisionTable(all: readonly Decided[], paint?: Paint): string {
  const columns: readonly Column<Decided>[] = [
    { title: 'decided', text: (each) => new Date(each.at).toISOString() },
    { title: 'gen', text: (each) => each.generation, align: 'right' },
    { title: 'placed', text: (each) => each.placed.length, align: 'right' },
    { title: 'waiting', text: (each) => each.parked.length, align: 'right' },
    { title: 'could', text: (each) => `${each.feasible} of ${each.nodes}`, align: 'right' },
    { title: 'on', text: (each) => nodesText(each.placed) },
  ];
  return table(columns, all, paint);
}

/** Most nodes named in a line. */
const NAMED_MAX = 6;

function nodesText(placed: readonly Placed[]): string {
  const nodes = [...new Set(placed.map((each) => each.node))];
  const more = nodes.length - NAMED_MAX;
  return `${nodes.slice(0, NAMED_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
