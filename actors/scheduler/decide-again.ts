/**
 * Makes sure that what was decided can be judged later: from the record of a decision alone, whether
 * an order of preference would have chosen the same among the nodes it tells of.
 *
 * I1  A difference is one: the node that is named could have been chosen, and stood as it says. How
 *     a node stood is told where it was chosen next, or at the end; until then nothing changed it.
 *     A node the instance had to avoid is no rival, unless there were only such.
 * I2  Equals are no difference: a hash decides between them. Shares are told rounded, in the order
 *     they had: one that is told to be higher was higher, those told as equal are equal here.
 * I3  What the record does not tell is not judged: an instance that stayed, or no scores.
 *
 * Nodes that nobody tells of, beyond the runners-up, are not judged: no difference is not a proof.
 */
import type { Decided } from '../../subjects/index.ts';
import { type Ground, type Preference, preference, type Standing } from './preference.ts';

type Placed = Decided['placed'][number];

/** A node as it stood. */
export interface StoodNode extends Standing {
  readonly node: string;
}

/** An instance that would have gone elsewhere. */
export interface Difference {
  readonly instance: string;
  readonly chosen: StoodNode;
  /** The best of the nodes that would have been preferred. */
  readonly preferred: StoodNode;
  readonly why: Ground;
}

/** What came of deciding once more: of so many placements the differences, in their order. */
export interface DecidedAgain {
  readonly judged: number;
  readonly notJudged: number;
  readonly differences: readonly Difference[];
}

export interface Deciding {
  /** Judges only this instance; default: all. */
  readonly instance?: string | undefined;
  /** Default: that of this build. */
  readonly order?: (one: Standing, other: Standing) => Preference;
}

/** Chooses again for each instance a decision placed, given what was chosen before it. */
export function decideAgain(decided: Decided, of: Deciding = {}): DecidedAgain {
  const { placed, next } = decided;
  /** How each node stood when the instance at hand was placed: filled from the end (I1). */
  const stood = new Map<string, StoodNode>();
  for (const { node, score, held } of next ?? []) stood.set(node, stoodNode(node, score, held));
  const differences: Difference[] = [];
  let judged = 0;
  let notJudged = 0;
  for (const each of placed.toReversed()) {
    const { instance, node, score, held } = each;
    const chosen = score && stoodNode(node, score, held);
    if (chosen) stood.set(node, chosen);
    if (of.instance !== undefined && instance !== of.instance) continue;
    if (!chosen || !next) {
      notJudged++;
      continue;
    }
    judged++;
    const better = preferredTo(chosen, rivalsOf(each, stood.values()), of.order ?? preference);
    if (better) differences.unshift({ instance, chosen, ...better });
  }
  return { judged, notJudged, differences };
}

function stoodNode(node: string, [count, fit]: [number, number], held = false): StoodNode {
  return { node, count, isHeld: held, fit };
}

/** The nodes that could have been chosen too. */
function* rivalsOf({ node, avoid }: Placed, stood: Iterable<StoodNode>): Iterable<StoodNode> {
  // Where it went to one it avoids, there were only such.
  const avoided = !avoid || avoid.includes(node) ? [] : avoid;
  for (const each of stood) {
    if (each.node !== node && !avoided.includes(each.node)) yield each;
  }
}

/** The best of the rivals that come before the one that was chosen. */
function preferredTo(
  chosen: StoodNode,
  rivals: Iterable<StoodNode>,
  order: NonNullable<Deciding['order']>,
): Pick<Difference, 'preferred' | 'why'> | undefined {
  let best: Pick<Difference, 'preferred' | 'why'> | undefined;
  for (const preferred of rivals) {
    const why = ground(order(preferred, chosen));
    if (!why || (best && !ground(order(preferred, best.preferred)))) continue;
    best = { preferred, why };
  }
  return best;
}

/** Why the first one is preferred; undefined: it is not. */
function ground(of: Preference): Ground | undefined {
  return of === 'other' || of === 'none' ? undefined : of;
}
