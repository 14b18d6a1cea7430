/** What callers of the world want of pools, the claims they have, and what they were promised. */
import {
  claimAcquire,
  claimExtend,
  claimRelease,
  isAlike,
  nodeRecord,
  nodeState,
  type Pool,
  type PoolSizes,
  type PoolWanted,
  poolApply,
  poolDelete,
  poolOf,
  poolPurge,
  poolRecord,
  poolWanted,
  readyWanted,
  sizeByClock,
  slotRecord,
  waitRecord,
  workloadRecord,
} from '../../subjects/index.ts';
import { KeyAsks } from './key-asks.ts';
import { anyPlacement, checkNode, LineAsks } from './line-asks.ts';
import { Promises } from './promises.ts';
import { QuotaAsks } from './quota-asks.ts';
import type { World } from './world.ts';

/** Pools that are asked about. */
const NAMES = 2;
/** What a slot asks for: all of them fit beside what `Asks` ever asks for. */
const RESOURCES = { cpu: '1m', memory: '1Mi' };
/** Claims a caller remembers. */
const CLAIMS_MAX = 20;
/** Longest time that a claim is asked for, in milliseconds; most are asked for less than a third. */
const TTL_MS = 18_000;

/** Share of callers that take what is limited, beside pools. */
const TAKES_RATIO = 0.15;
/** Share of pools whose size follows the clock, or their claims. */
const SIZES_RATIO = 0.4;
/** Shares of callers that wait where none is ready, and that ask several times by a key. */
const WAITS_RATIO = 0.45;
const KEYS_RATIO = 0.15;

type Promised = 'deleted' | PoolWanted;

export class PoolAsks {
  readonly #world: World;
  readonly #pools: Promises<Promised>;
  readonly #line: LineAsks;
  readonly #keys: KeyAsks;
  readonly #quotas: QuotaAsks;
  /** Claims callers were told to have. */
  readonly #claims: string[] = [];
  /** Pools that were asked for at all. */
  readonly #asked = new Set<string>();

  constructor(world: World) {
    this.#world = world;
    this.#pools = new Promises(world);
    this.#quotas = new QuotaAsks(world);
    this.#line = new LineAsks(world, (claim) => this.#has(claim));
    this.#keys = new KeyAsks(world, (claim) => this.#has(claim));
  }

  ask(): void {
    const { random } = this.#world;
    if (random() < TAKES_RATIO) return this.#quotas.ask();
    const pool = `p${Math.floor(random() * NAMES)}`;
    const name = { tenant: 'default', pool };
    const dice = random();
    if (dice < 0.15 || !this.#asked.has(pool)) {
      this.#asked.add(pool);
      const wanted = this.#anyWanted();
      this.#world.note(`apply ${pool} ${JSON.stringify(wanted.spec.ready)}`);
      this.#pools.ask(pool, [poolApply, name, { wanted, mode: 'put' }], wanted);
    } else if (dice < 0.18) {
      this.#world.note(`delete ${pool}`);
      this.#pools.ask(pool, [poolDelete, name, {}], 'deleted');
    } else if (dice < 0.2) {
      this.#world.note(`purge ${pool}`);
      this.#world.ask(poolPurge, name, {});
    } else if (dice < 0.7) this.#acquire(name);
    else this.#use();
  }

  #acquire(name: { readonly tenant: string; readonly pool: string }): void {
    const { random, pools, note } = this.#world;
    const ttl = `${1_000 + Math.floor(random() ** 2 * TTL_MS)}ms`;
    const dice = random();
    if (dice < WAITS_RATIO) return this.#line.come(name, ttl);
    if (dice < WAITS_RATIO + KEYS_RATIO) return this.#keys.come(name, ttl);
    const wants = anyPlacement(random);
    note.call(this.#world, `claim ${name.pool} for ${ttl} ${JSON.stringify(wants)}`);
    const id = this.#world.ask(claimAcquire, name, { ttl, by: 'a caller', ...wants }, (answer) => {
      if (!answer.ok) return;
      pools.handed(answer.value.claim, id);
      checkNode(this.#world, wants, answer.value);
      this.#has(answer.value.claim);
    });
  }

  #has(claim: string): void {
    this.#claims.push(claim);
    if (this.#claims.length > CLAIMS_MAX) this.#claims.shift();
  }

  /** Extends or releases one that somebody has, or had. */
  #use(): void {
    const { random } = this.#world;
    const claim = this.#claims[Math.floor(random() * this.#claims.length)];
    if (claim === undefined) return;
    const name = { tenant: 'default', pool: poolOf(claim) ?? '' };
    if (random() < 0.5) {
      this.#world.note(`extend ${claim}`);
      this.#world.ask(claimExtend, name, { claim, by: '2s' });
    } else {
      this.#world.note(`release ${claim}`);
      this.#world.ask(claimRelease, name, { claim });
    }
  }

  #anyWanted(): PoolWanted {
    const { random } = this.#world;
    const ready = random() < 0.1 ? 0 : 1 + Math.floor(random() * 3);
    const maximum = Math.max(1, ready) + Math.floor(random() * 3);
    const version = String(Math.floor(random() * 2));
    return poolWanted.parse({
      spec: {
        template: {
          ...{ command: ['serve'], environment: { VERSION: version } },
          ...{ resources: RESOURCES, ports: random() < 0.7 ? [{ name: 'http' }] : [] },
        },
        ...{ ready, maximum, ttl: '5s', maximumTtl: '20s' },
        minimum: random() < 0.3 ? maximum : 0,
        refillParallelism: 1 + Math.floor(random() * 3),
        ...(random() < SIZES_RATIO ? { sizes: this.#anySizes(maximum) } : {}),
      },
    });
  }

  #anySizes(maximum: number): PoolSizes {
    const { random } = this.#world;
    const schedule = Array.from({ length: Math.floor(random() * 3) }, () => ({
      // Once a minute, so that every storm has some.
      from: `${Math.floor(random() * 60)} * * * * *`,
      ready: Math.floor(random() * (maximum + 1)),
    }));
    const demand = { most: maximum, window: '30s' };
    return random() < 0.5 ? { schedule } : { schedule, demand };
  }

  /** What was acknowledged and is not so. */
  unkept(): string[] {
    const problems: string[] = [];
    const there = new Map(this.#world.all(poolRecord).map((each) => [each.name, each]));
    for (const [name, what] of this.#pools.all) {
      const pool = there.get(name);
      if (what === 'deleted') {
        if (pool) problems.push(`${name} was deleted and is there`);
      } else if (!pool) problems.push(`${name} was acknowledged and is not there`);
      else if (!isAlike(pool.spec, what.spec)) {
        problems.push(`${name} is not as it was acknowledged`);
      }
    }
    return problems;
  }
}

/** A size that no control plane's clock says, or that is not within what its claims may make of it. */
function wrongSize(world: World, { name, spec, sized }: Pool): string[] {
  const { sizes = {}, ready, maximum } = spec;
  const said = [...world.processes.values()].map(
    ({ clock }) => sizeByClock(sizes, clock.now()).ready ?? ready,
  );
  const is = sized?.ready ?? ready;
  const most = sizes.demand?.most ?? is;
  const isRight = said.some((least) => (sizes.demand ? is >= least && is <= most : is === least));
  return isRight && is <= maximum ? [] : [`${name} is sized ${is}, and clocks say ${said.join()}`];
}

/** How long after its time is up a claim may still be held, in milliseconds. */
const LATE_MS = 1_000;

/** What of pools is not as the store says it should be, at this moment. */
export function unsettledPools(world: World): string[] {
  const problems: string[] = [];
  const slots = world.all(slotRecord);
  const pools = world.all(poolRecord);
  const hasNodes = world.all(nodeRecord).some((each) => nodeState(each) === 'ready');
  for (const pool of pools) {
    const { name, spec, deletedAt, templateGeneration, trouble } = pool;
    if (deletedAt !== undefined) problems.push(`${name} is still being deleted`);
    const of = slots.filter((each) => each.pool === name);
    const fresh = of.filter(
      ({ state, generation }) => state === 'ready' && generation === templateGeneration,
    );
    const claimed = of.filter(({ state }) => state === 'claimed').length;
    const wanted = Math.min(readyWanted(pool, claimed), spec.maximum - claimed);
    const isWhole = fresh.length === wanted && of.length === wanted;
    if (hasNodes && !isWhole) {
      const states = of.map(({ state }) => state).join(', ');
      problems.push(`${name} wants ${wanted} ready and has ${states}`);
    }
    if (trouble) problems.push(`${name} is in trouble: ${trouble.message}`);
    problems.push(...wrongSize(world, pool));
  }
  const names = new Set(slots.map((each) => each.slot));
  for (const { name, owner } of world.all(workloadRecord)) {
    if (owner && !names.has(name)) problems.push(`${name} runs no slot of ${owner.pool}`);
  }
  for (const { slot, pool } of slots) {
    if (!pools.some((each) => each.name === pool)) problems.push(`${slot} is of no pool`);
  }
  for (const { place, pool } of world.all(waitRecord)) {
    problems.push(`${place} stands in line for ${pool}`);
  }
  for (const key of world.pools.outlived(LATE_MS)) problems.push(`${key} is held too long`);
  return problems;
}
