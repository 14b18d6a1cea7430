/**
 * Demos, as callers of Try It Now know them: a demo is a claim, its id is what the claim is `by`. So
 * the id is told to whoever acquires and to nobody else: the host name, which is public, has another.
 */
import { randomUUID } from 'node:crypto';
import { type Claim, heldOf, isGood, type Slot, spanMs } from '../../../subjects/index.ts';
import type { Inside } from '../../inside.ts';
import { hostOf } from '../../present/pool.ts';
import type { TryItNowSettings } from './settings.ts';

/** A claim that this facade made, while it is held. */
export interface Demo {
  readonly id: string;
  readonly slot: Slot;
  readonly claim: Claim;
}

export interface Counts {
  readonly ready: number;
  readonly assigned: number;
  readonly warming: number;
  readonly target: number;
  readonly capacity: number;
}

/** A new id: `demo-` and a UUID of version 4. */
export function newDemoId(): string {
  return `demo-${randomUUID()}`;
}

/** Who a demo's claim is by: its id, and whose address it was given to. */
export function claimantOf(id: string, caller: string): string {
  return `${id} ${caller}`;
}

/** The demo that a slot is, while it is held. */
function demoOf(slot: Slot): Demo | undefined {
  const { claim } = slot;
  const [id = ''] = claim?.by?.split(' ') ?? [];
  return claim && id.startsWith('demo-') && heldOf(slot)?.isHeld ? { id, slot, claim } : undefined;
}

/** What the facade reads of the fabric. It writes nothing. */
export class Demos {
  readonly #known: Inside['known'];
  readonly #settings: Pick<TryItNowSettings, 'tenant' | 'pool' | 'wanted' | 'url' | 'adminPath'>;

  constructor(known: Inside['known'], settings: TryItNowSettings) {
    this.#known = known;
    this.#settings = settings;
  }

  /** The demo of an id; undefined: there is none, or it is over. */
  find(id: string): Demo | undefined {
    for (const slot of this.slots()) {
      const demo = demoOf(slot);
      if (demo?.id === id) return demo;
    }
    return undefined;
  }

  /** The host name that leads to a slot; undefined: none does. */
  hostOf(slot: Pick<Slot, 'tenant' | 'slot'>): string | undefined {
    return hostOf(this.#known, slot);
  }

  /** Where people reach a host, and its back office. */
  urlsOf(host: string): { readonly url: string; readonly admin_url: string } {
    const url = this.#settings.url.replaceAll('{host}', host);
    return { url, admin_url: `${url}/${this.#settings.adminPath}` };
  }

  /** How many demos there are of each state; undefined: there is no pool. */
  counts(): Counts | undefined {
    const { tenant, pool: name, wanted } = this.#settings;
    const pool = this.#known.pools.get({ tenant, pool: name });
    const spec = wanted?.spec ?? pool?.spec;
    if (!spec) return undefined;
    const counts = { ready: 0, assigned: 0, warming: 0 };
    for (const slot of this.slots()) {
      const { state } = slot;
      if (state === 'claimed') counts.assigned++;
      else if (state === 'warming') counts.warming++;
      else if (state === 'ready' && pool && isGood(slot, pool)) counts.ready++;
    }
    return { ...counts, target: spec.ready, capacity: spec.maximum };
  }

  /** Whole seconds that a demo may have left at most. */
  maximumSeconds(): number | undefined {
    const { tenant, pool: name } = this.#settings;
    const pool = this.#known.pools.get({ tenant, pool: name });
    return pool && Math.floor(spanMs(pool.spec.maximumTtl) / 1_000);
  }

  *slots(): IterableIterator<Slot> {
    const { tenant, pool } = this.#settings;
    for (const { value } of this.#known.slots.by('pool', `${tenant}.${pool}`)) yield value;
  }
}
