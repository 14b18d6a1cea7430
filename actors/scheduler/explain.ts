/** Makes sure that a person can ask where a workload would go, and why not elsewhere. */
import {
  type Explanation,
  placementExplain,
  type RemovedCounts,
  type Spec,
} from '../../subjects/index.ts';
import type { Received } from '../runtime/actor.ts';
import { type Effects, reply } from '../runtime/effect.ts';
import { Chooser, fitOf } from './choose.ts';
import { countsOf } from './counts.ts';
import { explainFilter, impossibleBy, needOf, removedBy } from './feasible.ts';
import type { Ctx, State } from './state.ts';

/** Most nodes listed one by one. */
const LISTED_MAX = 100;

export function explain(
  state: State,
  ask: Received<typeof placementExplain>,
  context: Ctx,
): Effects {
  const { tenant, workload, wanted } = ask.payload;
  const group = `${tenant}.${workload}`;
  const counts = countsOf(group, context);
  const answer = explanation(state, wanted.spec, { group, counts });
  return [reply(placementExplain, ask.from, answer)];
}

/** What a decision would be now, for one spec. Changes nothing. */
export function explanation(
  state: State,
  spec: Spec,
  of: { readonly group: string; readonly counts: ReadonlyMap<string, number> },
): Explanation {
  const need = needOf(spec);
  const impossible: Record<string, number> = {};
  const drivers = new Set<string>();
  const devices = new Set<string>();
  const table: Explanation['table'][number][] = [];
  let possible = 0;
  for (const row of state.table.rows()) {
    for (const driver of row.drivers) drivers.add(driver);
    for (const name of Object.keys(row.capacity.devices ?? {})) devices.add(name);
    const never = impossibleBy(need, row);
    if (never === undefined) possible++;
    else impossible[never] = (impossible[never] ?? 0) + 1;
    const filter = removedBy(need, row, []);
    if (filter !== undefined) {
      table.push({ node: row.id, removedBy: filter, detail: explainFilter(filter, need, row) });
    } else {
      const score = Math.round(fitOf(need.amounts, row.free, row.capacity) * 1000) / 1000;
      table.push({ node: row.id, score });
    }
  }
  table.sort((a, b) => (b.score ?? -1) - (a.score ?? -1) || a.node.localeCompare(b.node));
  const chooser = new Chooser({
    need,
    rows: state.table.rows(),
    booked: new Map(),
    countOn: (node) => of.counts.get(node) ?? 0,
    isHeld: () => false,
    seed: of.group,
  });
  const { choice, placed } = choices(chooser, spec.count);
  return {
    nodes: chooser.seen.nodes,
    feasible: chooser.seen.feasible,
    possible,
    removed: chooser.seen.removed,
    impossible: impossible as RemovedCounts,
    drivers: [...drivers].sort(),
    ...(devices.size === 0 ? {} : { devices: [...devices].sort() }),
    placed,
    choice: choice.slice(0, LISTED_MAX),
    table: table.slice(0, LISTED_MAX),
  };
}

function choices(chooser: Chooser, count: number) {
  const chosen = new Map<string, number>();
  let placed = 0;
  for (; placed < count; placed++) {
    const row = chooser.next(() => true);
    if (!row) break;
    chosen.set(row.id, (chosen.get(row.id) ?? 0) + 1);
  }
  return { placed, choice: [...chosen].map(([node, times]) => ({ node, count: times })) };
}
