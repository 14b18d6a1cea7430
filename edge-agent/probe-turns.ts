/**
 * Makes sure that no more probes are under way at once than a device bears (R6), that the others
 * come in the order they were due, that slow commands hold up nothing but commands, and that a
 * tenant whose probes hang leaves room for the others'.
 */
import type { ProbeName } from '../subjects/index.ts';

/** One probe of one run that is under way, or waits for its turn. */
export interface ProbeTurn {
  /** `<tenant>.<instance>`. */
  readonly name: string;
  readonly run: number;
  readonly probe: ProbeName;
}

/**
 * Most probes under way at once. Over the network each is a socket that waits: at the shortest period
 * of 0.5 s and answers within 0.1 s this serves 320 probes. Each command is a few processes.
 */
export const turnsMax = { network: 64, command: 16 } as const;
export type Lane = keyof typeof turnsMax;
/** Most of them that one tenant may have: half. */
export const tenantTurnsMax = { network: turnsMax.network / 2, command: turnsMax.command / 2 };

/** By key: what is under way, and what waits, the longest first. */
interface Turns {
  readonly underWay: Map<string, ProbeTurn>;
  readonly waiting: Map<string, ProbeTurn>;
}
export type ProbeTurns = Readonly<Record<Lane, Turns>>;

export const newTurns = (): ProbeTurns => ({
  network: { underWay: new Map(), waiting: new Map() },
  command: { underWay: new Map(), waiting: new Map() },
});

const keyOf = ({ name, run, probe }: ProbeTurn): string => `${probe} ${run} ${name}`;

/** Whether a probe may begin now; if not it waits. One that is under way already may not. */
export function begins(turns: ProbeTurns, lane: Lane, turn: ProbeTurn): boolean {
  const { underWay, waiting } = turns[lane];
  const key = keyOf(turn);
  if (underWay.has(key)) return false;
  if (!hasRoom(turns, lane, turn)) {
    if (!waiting.has(key)) waiting.set(key, turn);
    return false;
  }
  underWay.set(key, turn);
  return true;
}

/** A probe is done; what comes next, of those that are still wanted. */
export function nextTurn(
  turns: ProbeTurns,
  lane: Lane,
  of: { readonly done: ProbeTurn; readonly isWanted: (turn: ProbeTurn) => boolean },
): ProbeTurn | undefined {
  const { underWay, waiting } = turns[lane];
  underWay.delete(keyOf(of.done));
  for (const [key, turn] of waiting) {
    if (!of.isWanted(turn)) {
      waiting.delete(key);
      continue;
    }
    if (!hasRoom(turns, lane, turn)) continue;
    waiting.delete(key);
    underWay.set(key, turn);
    return turn;
  }
  return undefined;
}

function hasRoom(turns: ProbeTurns, lane: Lane, { name }: ProbeTurn): boolean {
  const { underWay } = turns[lane];
  if (underWay.size >= turnsMax[lane]) return false;
  const tenant = tenantOf(name);
  let taken = 0;
  for (const each of underWay.values()) if (tenantOf(each.name) === tenant) taken++;
  return taken < tenantTurnsMax[lane];
}

function tenantOf(name: string): string {
  return name.slice(0, name.indexOf('.'));
}

/** A run is over: what waits of it will not come. */
export function dropTurns(turns: ProbeTurns, name: string, run: number): void {
  for (const { waiting } of Object.values(turns)) {
    for (const probe of ['startup', 'liveness', 'readiness'] as const) {
      waiting.delete(keyOf({ name, run, probe }));
    }
  }
}
