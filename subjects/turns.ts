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

/** Callers of a line that want the same. */
interface Kind {
  /** Which slots suit them, first those they have first. */
  readonly suited: readonly number[];
  /** Where among these the first one may be that nobody has: what somebody has, somebody keeps. */
  next: number;
}

/**
 * For each of a line, in its order, the slot it may have. Slots of newer templates come first, and of
 * them such that nobody in the line has wants for. Whoever has one changes it for another where
 * that leaves one for somebody behind: as many are served as can be without passing anybody, and who
 * is handed his share takes nothing from those before him.
 */
export function sharedOut(
  line: readonly (PlacementSpec | undefined)[],
  free: readonly Slot[],
  suits: Suits,
): readonly (Slot | undefined)[] {
  const names = line.map(nameOf);
  const wants = new Map(line.map((wanted, at) => [names[at], wanted]));
  const slots = inOrder(free, wants, suits);
  const kinds = new Map<string | undefined, Kind>();
  const kindOf = (at: number): Kind => {
    const name = names[at];
    const known = kinds.get(name);
    if (known) return known;
    const wanted = name === undefined ? undefined : wants.get(name);
    const suited = [...slots.keys()].filter((slot) => suits(wanted, slots[slot] as Slot));
    const kind = { suited, next: 0 };
    kinds.set(name, kind);
    return kind;
  };
  /** By slot, where in the line the caller is that has it. */
  const has: (number | undefined)[] = slots.map(() => undefined);
  const take = (at: number, tried: Set<Kind>): boolean => {
    const kind = kindOf(at);
    tried.add(kind);
    const { suited } = kind;
    while (kind.next < suited.length && has[suited[kind.next] as number] !== undefined) kind.next++;
    const nobodys = suited[kind.next];
    if (nobodys !== undefined) has[nobodys] = at;
    if (nobodys !== undefined) return true;
    // All that suit are had: by somebody whom another one suits as well.
    const changed = suited.find((slot) => {
      const other = has[slot] as number;
      return !tried.has(kindOf(other)) && take(other, tried);
    });
    if (changed !== undefined) has[changed] = at;
    return changed !== undefined;
  };
  let left = slots.length;
  // Whom nothing is left for, nothing is left for who wants the same later.
  const without = new Set<Kind>();
  for (const at of line.keys()) {
    if (left === 0) break;
    if (without.has(kindOf(at))) continue;
    if (take(at, new Set())) left--;
    else without.add(kindOf(at));
  }
  const shares: (Slot | undefined)[] = line.map(() => undefined);
  for (const [slot, at] of has.entries()) if (at !== undefined) shares[at] = slots[slot];
  return shares;
}

/** Slots as they are taken: newer templates first, and what nobody wants who is choosy. */
function inOrder(
  free: readonly Slot[],
  wants: ReadonlyMap<string | undefined, PlacementSpec | undefined>,
  suits: Suits,
): readonly Slot[] {
  const choosy = [...wants].flatMap(([name, wanted]) => (name === undefined ? [] : [wanted]));
  const isSought = new Map(
    free.map((slot) => [slot, choosy.some((wanted) => suits(wanted, slot)) ? 1 : 0]),
  );
  return [...free].sort(
    (one, other) =>
      other.generation - one.generation || (isSought.get(one) ?? 0) - (isSought.get(other) ?? 0),
  );
}

/** The same for the same wants; undefined: there are none. */
function nameOf(wanted: PlacementSpec | undefined): string | undefined {
  if (!wanted) return undefined;
  const labels = Object.entries(wanted.labels).sort(([one], [other]) => (one < other ? -1 : 1));
  if (labels.length === 0 && wanted.architecture === undefined) return undefined;
  return JSON.stringify([wanted.architecture ?? null, labels]);
}
