/**
 * Makes sure that instances go where they fit best: copies of one workload apart where possible,
 * then onto the fullest node that still has room, so that large rooms stay whole.
 *
 * The order of preference is in preference.ts; between equals a hash of node and workload decides, so
 * that they are not all filled in the same order.
 *
 * Cost: one pass over the nodes, then a heap: n + k log n for k instances.
 */
import { type Amounts, difference, type Filter, type RemovedCounts } from '../../subjects/index.ts';
import { Heap } from '../runtime/heap.ts';
import { hash32 } from '../runtime/ids.ts';
import { type Need, removedBy, shortOf } from './feasible.ts';
import { preference, type Standing } from './preference.ts';
import type { Row } from './table.ts';

interface Candidate extends Standing {
  readonly row: Row;
  free: Amounts;
  count: number;
  fit: number;
  readonly order: number;
}

export interface Choosing {
  readonly need: Need;
  readonly rows: Iterable<Row>;
  /** Instances this decision has put on a node already. */
  readonly booked: ReadonlyMap<string, number>;
  /** Instances of the workload on a node already. */
  countOn(node: string): number;
  isHeld(node: string): boolean;
  /** Spreads equal nodes. */
  readonly seed: string;
}

/** What a choice saw: `feasible` before it chose, `removed` with those it filled. */
export interface Seen {
  nodes: number;
  feasible: number;
  readonly removed: RemovedCounts;
}

/** How a node stood, as it is told: instances of the workload it had, and its fit. */
export interface Score {
  readonly node: string;
  readonly score: [number, number];
  /** A commit on its ledger was in flight. Told only where it was. */
  readonly held?: true;
}

/** Chooses nodes one after another, each choice counting for the next. */
export class Chooser {
  readonly seen: Seen = { nodes: 0, feasible: 0, removed: {} };
  /** Of the node that was chosen last. */
  last: Score | undefined;
  readonly #need: Need;
  readonly #heap = new Heap<Candidate>(isBetter);

  constructor(of: Choosing) {
    this.#need = of.need;
    const seed = hash32(of.seed);
    for (const row of of.rows) {
      this.seen.nodes++;
      const filter = removedBy(of.need, row, []);
      if (filter !== undefined) {
        this.#count(filter);
        continue;
      }
      // The ports of its own kind are taken by the first of them.
      if (this.#isAlone && of.booked.has(row.id)) {
        this.#count('ports');
        continue;
      }
      const free = less(row.free, of.need.amounts, of.booked.get(row.id) ?? 0);
      const short = shortOf(of.need.amounts, free);
      if (short !== undefined) {
        this.#count(short);
        continue;
      }
      this.seen.feasible++;
      this.#heap.push({
        row,
        free,
        count: of.countOn(row.id),
        isHeld: of.isHeld(row.id),
        fit: fitOf(of.need.amounts, free, row.capacity),
        order: hash32(row.id, seed),
      });
    }
  }

  /** The next best of the nodes that are allowed; undefined: none of them has room. */
  next(isAllowed: (node: string) => boolean): Row | undefined {
    const passed: Candidate[] = [];
    let chosen: Candidate | undefined;
    for (let best = this.#heap.pop(); best; best = this.#heap.pop()) {
      if (isAllowed(best.row.id)) {
        chosen = best;
        break;
      }
      passed.push(best);
    }
    for (const each of passed) this.#heap.push(each);
    if (!chosen) return undefined;
    this.last = scoreOf(chosen);
    this.#take(chosen);
    return chosen.row;
  }

  /** The nodes that are allowed and would come next, the best first. Ends the choosing. */
  runnersUp(isAllowed: (node: string) => boolean): readonly Score[] {
    const scores: Score[] = [];
    for (let best = this.#heap.pop(); best; best = this.#heap.pop()) {
      if (!isAllowed(best.row.id)) continue;
      if (scores.push(scoreOf(best)) >= RUNNERS_UP) break;
    }
    return scores;
  }

  /** A node takes one of them at most. */
  get #isAlone(): boolean {
    return (this.#need.ports ?? []).length > 0;
  }

  #count(filter: Filter): void {
    const { removed } = this.seen;
    removed[filter] = (removed[filter] ?? 0) + 1;
  }

  #take(candidate: Candidate): void {
    candidate.free = difference(candidate.free, this.#need.amounts);
    candidate.count++;
    if (this.#isAlone) {
      this.#count('ports');
      return;
    }
    const short = shortOf(this.#need.amounts, candidate.free);
    if (short !== undefined) {
      // Full now: whoever comes next is told so.
      this.#count(short);
      return;
    }
    candidate.fit = fitOf(this.#need.amounts, candidate.free, candidate.row.capacity);
    this.#heap.push(candidate);
  }
}

/** Nodes told of beside those that were chosen. */
const RUNNERS_UP = 5;

/** Rounded: the fifth digit of a share tells nobody anything. */
function scoreOf({ row, count, isHeld, fit }: Candidate): Score {
  const score: [number, number] = [count, Math.round(fit * 1e4) / 1e4];
  return isHeld ? { node: row.id, score, held: true } : { node: row.id, score };
}

function isBetter(one: Candidate, other: Candidate): boolean {
  const why = preference(one, other);
  return why === 'none' ? one.order < other.order : why !== 'other';
}

function less(free: Amounts, each: Amounts, times: number): Amounts {
  let left = free;
  for (let taken = 0; taken < times; taken++) left = difference(left, each);
  return left;
}

/** Share of the node in use after the instance, CPU and memory alike: 1 is full. */
export function fitOf(need: Amounts, free: Amounts, capacity: Amounts): number {
  const cpu = 1 - (free.cpuMilli - need.cpuMilli) / Math.max(1, capacity.cpuMilli);
  const memory = 1 - (free.memoryBytes - need.memoryBytes) / Math.max(1, capacity.memoryBytes);
  return (cpu + memory) / 2;
}
