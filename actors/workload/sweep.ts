/**
 * Makes sure that a lost event costs time, never correctness: now and then every workload is
 * looked at, ledger entries of instances nobody knows are ended and taken out, what has ended is
 * forgotten as its tenant wants, and nodes whose word is missing are asked again.
 */
import {
  isOver,
  type Ledger,
  type LedgerEntry,
  laneOf,
  ledgerRecord,
  placeWork,
  without,
  withStopping,
} from '../../subjects/index.ts';
import type { Due } from '../runtime/actor.ts';
import {
  after,
  commit,
  type Effect,
  type Effects,
  type Put,
  put,
  work,
} from '../runtime/effect.ts';
import { type Ctx, groupOf, lookAnew, type State } from './state.ts';
import { askUnseen } from './unseen.ts';

/** What has ended is looked at after what lives, in milliseconds. */
const FORGET_MS = 1_000;
/** Most ledgers mended in one sweep. */
const MENDED_MAX = 64;

export function sweep(state: State, _due: Due, context: Ctx): Effects {
  const { views } = context;
  const groups = new Set<string>();
  const tenants = new Set<string>();
  for (const { value } of views.workloads.entries()) {
    if (value.outcome) tenants.add(value.tenant);
    groups.add(groupOf({ tenant: value.tenant, workload: value.name }));
  }
  for (const { value } of views.revisions.entries()) {
    groups.add(groupOf(value));
    tenants.add(value.tenant);
  }
  const parked = new Set<string>();
  for (const { value } of views.instances.entries()) {
    groups.add(groupOf(value));
    if (value.outcome) tenants.add(value.tenant);
    if (value.parked && !value.outcome) parked.add(groupOf(value));
  }
  return [
    ...mended(context),
    ...lookAnew(state, groups),
    ...[...tenants].map((tenant) => after('forget', FORGET_MS, { key: tenant })),
    ...triedAgain(parked, context),
    ...askUnseen(context),
  ];
}

/** Everybody who waits for room is asked for once more: a wake-up may have been lost. */
function triedAgain(parked: ReadonlySet<string>, context: Ctx): Effects {
  const effects: Effect[] = [];
  for (const { value } of context.views.workloads.entries()) {
    const { tenant, name, spec, deletedAt } = value;
    if (deletedAt !== undefined || !parked.has(`${tenant}.${name}`)) continue;
    const tokens = { priority: laneOf(spec), tenant, workload: name };
    effects.push(work(placeWork, tokens, { reason: 'still waiting for room' }));
  }
  return effects;
}

/** Ledgers without the entries that belong to no instance. */
function mended(context: Ctx): Effects {
  const puts: Put[] = [];
  for (const { value: ledger } of context.views.ledgers.entries()) {
    let after = ledger;
    for (const [name, entry] of Object.entries(ledger.entries)) {
      const { tenant, instance } = entry;
      const { instances } = context.views;
      if (instances.get({ tenant, instance })) continue;
      if (instances.unreadable({ tenant, instance })) continue;
      const isEnded = hasEnded(ledger, entry, context);
      after = isEnded ? without(after, name) : withStopping(after, name);
    }
    if (after !== ledger) puts.push(put(ledgerRecord, { node: ledger.node }, after));
  }
  return puts.length === 0 ? [] : [commit(...puts.slice(0, MENDED_MAX))];
}

function hasEnded(ledger: Ledger, entry: LedgerEntry, context: Ctx): boolean {
  if (ledger.accepts === 'offline') return true;
  const { tenant, instance } = entry;
  const observed = context.views.observed.get({ node: ledger.node, tenant, instance });
  return observed?.epoch === entry.epoch && isOver(observed.state);
}
