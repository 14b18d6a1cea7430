/**
 * Makes sure that node records and ledgers agree even after a crash between the two writes, or
 * when a server brought back an old value: the ledger follows the node, an unknown ledger takes
 * nothing.
 */
import { acceptanceOf, fits, type Ledger, ledgerRecord } from '../../subjects/index.ts';
import type { Due } from '../runtime/actor.ts';
import { commit, type Effects, none, type Put, put } from '../runtime/effect.ts';
import { type Ctx, isUnreadable, type State } from './state.ts';
import { transition } from './transition.ts';

/** Most ledgers mended in one step; the rest at the next sweep. */
const MENDED_MAX = 128;

export function sweep(_state: State, _due: Due, context: Ctx): Effects {
  const puts: Put[] = [];
  for (const { value: ledger } of context.views.ledgers.entries()) {
    if (isUnreadable(ledger.node, context)) continue;
    const mended = mendedLedger(ledger, context);
    if (mended) puts.push(put(ledgerRecord, { node: ledger.node }, mended));
  }
  for (const { value: node } of context.views.nodes.entries()) {
    if (isUnreadable(node.node, context)) continue;
    if (context.views.ledgers.get({ node: node.node })) continue;
    const { ledger } = transition(node, undefined);
    puts.push(put(ledgerRecord, { node: node.node }, ledger));
  }
  return puts.length === 0 ? none : [commit(...puts.slice(0, MENDED_MAX))];
}

function mendedLedger(ledger: Ledger, context: Ctx): Ledger | undefined {
  const node = context.views.nodes.get({ node: ledger.node });
  const accepts = node ? acceptanceOf(node) : 'offline';
  const capacity = node?.capacity ?? ledger.capacity;
  const isSame = fits(capacity, ledger.capacity) && fits(ledger.capacity, capacity);
  return ledger.accepts === accepts && isSame ? undefined : { ...ledger, accepts, capacity };
}
