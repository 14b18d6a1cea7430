/**
 * Makes sure that a Caddy has the routes of all slots. While it cannot be written nothing waits for it:
 * slots are claimed as ever. Any number of gateways may keep one Caddy (table.ts says why that is safe).
 */
import { Counter, Gauge } from 'prom-client';
import { poolOf } from '../../subjects/index.ts';
import type { Inside } from '../inside.ts';
import { type Looked, Upkeep, upkeepStates } from '../upkeep.ts';
import { CaddyAdmin } from './admin.ts';
import type { CaddySettings } from './settings.ts';
import { type CaddyRoute, type Decision, decide, type Found, type Seen, tableId } from './table.ts';
import { wantedRoutes } from './wanted.ts';

/** What happens within this time is one write, in milliseconds: slots warm in bursts. */
const BATCH_MS = 20;
/** How often Caddy is looked at when nothing changes, in milliseconds. */
const SWEEP_MS = 1_000;
/** How often a table that was changed while it was read is read again, before the next look. */
const TRIES_MAX = 5;
/**
 * How long a table is left alone whose writer had seen more of the store, in milliseconds. A view on a
 * connected bus lags by far less; what is still ahead then was written before a restore.
 */
const AHEAD_MS = 10_000;

type Known = Inside['known'];

/** Keeps one Caddy; it acts from `start` on. */
export class CaddyKeeper {
  readonly #admin: CaddyAdmin;
  readonly #settings: CaddySettings;
  readonly #known: Known;
  readonly #upkeep: Upkeep;
  readonly #writes: Counter<'result'>;
  #ingress = '';
  #ahead: { readonly seen: Seen; readonly since: number } | undefined;

  constructor(
    inside: Pick<Inside, 'known' | 'bus' | 'log' | 'meters' | 'upkeeps'>,
    settings: CaddySettings,
  ) {
    this.#known = inside.known;
    this.#settings = settings;
    this.#admin = new CaddyAdmin(settings.admin);
    const upkeep = new Upkeep(inside, {
      ...{ what: 'caddy', address: settings.admin },
      failing: 'routes are not kept in Caddy for now',
      well: 'routes are kept in Caddy',
      ...{ batchMs: BATCH_MS, sweepMs: SWEEP_MS },
      look: () => this.#look(),
    });
    this.#upkeep = upkeep;
    const registers = [inside.meters.registry];
    this.#writes = new Counter({
      ...{ name: 'shoal_caddy_writes_total', help: 'Reloads of Caddy asked for', registers },
      labelNames: ['result'] as const,
    });
    const routes: Gauge = new Gauge({
      ...{ name: 'shoal_caddy_routes', help: 'Host names Caddy was seen to have', registers },
      collect: () => routes.set(upkeep.count),
    });
    const state: Gauge<'state'> = new Gauge({
      ...{
        name: 'shoal_caddy_state',
        help: 'The last look at Caddy: 1 for kept, behind or failed',
      },
      ...{ registers, labelNames: ['state'] as const },
      collect: () => {
        for (const each of upkeepStates) state.set({ state: each }, each === upkeep.state ? 1 : 0);
      },
    });
    inside.known.whenSlotChanged(() => upkeep.changed());
    inside.known.whenWayChanged((way) => {
      if (!way || isSlot(inside.known, way)) upkeep.changed();
    });
  }

  /** `ingress`: where calls go that no route is for, as `address:port`. */
  start(ingress: string): void {
    this.#ingress = ingress;
    this.#upkeep.start();
  }

  /** Stops looking; what Caddy has stays. */
  async stop(): Promise<void> {
    this.#admin.close();
    await this.#upkeep.stop();
  }

  async #look(): Promise<Looked> {
    const { server } = this.#settings;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const found = await this.#admin.find(server);
      const routes = wantedRoutes(this.#known);
      const decision = this.#decide(found, routes);
      if (decision.kind === 'strange') {
        throw new Error(`${tableId(server)} in Caddy is no subroute handler: take its @id away`);
      }
      if (decision.kind === 'behind') {
        this.#ahead ??= { seen: decision.seen, since: performance.now() };
        return { state: 'behind', hasWritten: false, count: routes.length };
      }
      this.#ahead = undefined;
      if (decision.kind === 'write' && !(await this.#write(decision))) continue;
      return { state: 'kept', hasWritten: decision.kind === 'write', count: routes.length };
    }
    // Others are at it: the next look tells what came of it.
    return { state: 'behind', hasWritten: true, count: 0 };
  }

  #decide(found: Found, routes: readonly CaddyRoute[]): Decision {
    const { server, listen } = this.#settings;
    const seen = this.#known.seen();
    const ahead = this.#ahead;
    const isOverruling = ahead !== undefined && performance.now() - ahead.since > AHEAD_MS;
    return decide(found, { server, listen, ingress: this.#ingress, routes, seen, isOverruling });
  }

  async #write({ write }: Extract<Decision, { readonly kind: 'write' }>): Promise<boolean> {
    try {
      const isWritten = await this.#admin.write(write);
      this.#writes.inc({ result: isWritten ? 'success' : 'conflict' });
      return isWritten;
    } catch (error) {
      this.#writes.inc({ result: 'failure' });
      throw error;
    }
  }
}

/** Whether a workload is a slot. */
function isSlot(
  known: Pick<Known, 'slots'>,
  { tenant, workload: slot }: { readonly tenant: string; readonly workload: string },
): boolean {
  const pool = poolOf(slot);
  return pool !== undefined && known.slots.get({ tenant, pool, slot }) !== undefined;
}
