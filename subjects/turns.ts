/**
 * Who of a line may have which of the slots that are ready: the one reckoning of it, for whoever hands
 * them out and for whoever wakes callers. In the order of the line, each has one that suits it; who
 * finds none keeps nobody behind from the others (decision 42).
 */
import { constraintsOf, type NodeTraits, type PlacementSpec, unmetBy } from './constraints.ts';
import type { Slot } from './pool.ts';

/** Whether a slot is on a node as a caller wants it. */
export type Suits = (wanted: PlacementSpec | undefined, slot: Slot) => boolean;

/** Asks each node once for each want. `nodeOf`: what is known of it. */
export function suiting(nodeOf: (node: string) => NodeTraits | undefined): Suits {
  /** By want; undefined: it is none. */
  const known = new Map<PlacementSpec, Map<string, boolean> | undefined>();
  return (wanted, { endpoint }) => {
    if (!wanted) return true;
    if (!known.has(wanted)) known.set(wanted, nameOf(wanted) === undefined ? undefined : new Map());
    const nodes = known.get(wanted);
    if (!nodes) return true;
    if (!endpoint) return false;
    const before = nodes.get(endpoint.node);
    if (before !== undefined) return before;
    const node = nodeOf(endpoint.node);
    const is = node !== undefined && unmetBy(constraintsOf(wanted), node) === undefined;
    nodes.set(endpoint.node, is);
    return is;
  };
}

/** Each of several wants once: most callers of a pool want the same. Undefined: any slot will do. */
export function differentWants(
  all: Iterable<PlacementSpec | undefined>,
): readonly (PlacementSpec | undefined)[] {
  const found = new Map<string | undefined, PlacementSpec | undefined>();
  for (const wanted of all) found.set(nameOf(wanted), wanted);
  if (found.has(undefined)) found.set(undefined, undefined);
  return [...found.values()];
}

/**
 * For each of a line, in its order, the slot it may have. Slots of newer templates come first, and of
 * them such that nobody in the line has wants for: those are left to who can take no other.
 */
export function sharedOut(
  line: readonly (PlacementSpec | undefined)[],
  free: readonly Slot[],
  suits: Suits,
): readonly (Slot | undefined)[] {
  const names = line.map(nameOf);
  const wants = new Map(line.map((wanted, at) => [names[at], wanted]));
  const choosy = [...wants].flatMap(([name, wanted]) => (name === undefined ? [] : [wanted]));
  const isSought = new Map(
    free.map((slot) => [slot, choosy.some((wanted) => suits(wanted, slot)) ? 1 : 0]),
  );
  const left = [...free].sort(
    (one, other) =>
      other.generation - one.generation || (isSought.get(one) ?? 0) - (isSought.get(other) ?? 0),
  );
  // What suits nobody once suits nobody who wants the same later.
  const without = new Set<string | undefined>();
  return names.map((name) => {
    if (left.length === 0 || without.has(name)) return undefined;
    const wanted = name === undefined ? undefined : wants.get(name);
    const at = left.findIndex((slot) => suits(wanted, slot));
    if (at < 0) without.add(name);
    return at < 0 ? undefined : left.splice(at, 1)[0];
  });
}

/** The same for the same wants; undefined: there are none. */
function nameOf(wanted: PlacementSpec | undefined): string | undefined {
  if (!wanted) return undefined;
  const labels = Object.entries(wanted.labels).sort(([one], [other]) => (one < other ? -1 : 1));
  if (labels.length === 0 && wanted.architecture === undefined) return undefined;
  return JSON.stringify([wanted.architecture ?? null, labels]);
}
