/**
 * What a claim costs its caller: over HTTP and over the bus, with 1, 50 and 200 callers of whom each
 * asks again at once, and at 500 a second whatever the answers take; how many a second one keeper and
 * three hand out; extending and releasing; how late claims end whose time is up; how fast slots come.
 *
 * Claims are measured alone: slots are of the driver `memory`, all that may be are ready, and a fabric
 * has each slot claimed once, so that nothing is refilled meanwhile. Where a figure's name ends with
 * `while_refilled`, processes are started for what is claimed at the same time, on the same cores.
 * Callers are a process of their own on the same machine. Not measured: networks between machines, TLS.
 */
import { ask } from '../../actors/runtime/ask.ts';
import { claimExtend, claimRelease, type SlotState } from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { onFile } from './bus.ts';
import { api } from './called-service.ts';
import { atRate, type Claiming, Claims, pool, together } from './claiming.ts';
import { type Benchmark, percentile, type Tell } from './figure.ts';

const SLOTS = 600;
const PROCESSES = 50;
/** Callers at once, and how many claims they make together. */
const ROUNDS = [
  { callers: 1, claims: 100 },
  { callers: 50, claims: 150 },
  { callers: 200, claims: 250 },
] as const;
/**
 * Before what is measured: asks that are refused, claims, and extensions of these, which write as claims do.
 * Programs begin slowly, and a control plane that hands out claims has done so for longer than a second.
 */
const REFUSED = 1_000;
const WARMING = 100;
const EXTENDED = 3_000;
/** Claims a second, whatever the answers take. */
const RATE = 500;
/** Left over where claims a second are counted. */
const SPARE = 50;
const HELD = 100;
const EXPIRING = 40;
/** Longest until a pool is as it should be, in milliseconds. */
const LONG_MS = 120_000;
/** What the design asks for. */
const TARGETS = { p50: 1.5, p99: 10, claims: 5_000, writes: 1, lateness: 1_000 };

type Wanted = (figure: string) => boolean;
type Configuration = Readonly<Record<string, string | number>>;

export const pools: Benchmark = {
  name: 'pool',
  async run(tell, isWanted) {
    if (isAmong(isWanted, ['claim_http_1', 'claim_http_50', 'claim_http_200'])) await http(tell);
    if (isAmong(isWanted, ['claim_http_rate'])) await openLoop(tell);
    if (isAmong(isWanted, ['claim_bus', 'extend', 'release', 'expiry', 'refill_memory'])) {
      await bus(tell);
    }
    if (isAmong(isWanted, ['claims_one_keeper', 'writes'])) await throughput(tell, 1);
    if (isAmong(isWanted, ['claims_three_keepers'])) await throughput(tell, 3);
    if (isAmong(isWanted, ['refill_process', 'claim_http_1_while'])) await beside(tell);
  },
};

async function warm(claims: Claims, claim: Claiming): Promise<void> {
  const isByHttp = claim === claims.byHttp;
  await together(50, REFUSED, isByHttp ? claims.refusedByHttp : claims.refused);
  await together(50, WARMING, claim);
  await together(50, EXTENDED, isByHttp ? claims.extendedByHttp : claims.extended);
}

function isAmong(isWanted: Wanted, names: readonly string[]): boolean {
  return isWanted('pool.') || names.some((each) => isWanted(`pool.${each}`));
}

async function http(tell: Tell): Promise<void> {
  await using under = await full();
  using claims = new Claims(under);
  await warm(claims, claims.byHttp);
  for (const { callers, claims: count } of ROUNDS) {
    const took = await together(callers, count, claims.byHttp);
    tellTimes(tell, `pool.claim_http_${callers}`, took, { callers, claims: count, keepers: 1 });
  }
}

async function openLoop(tell: Tell): Promise<void> {
  await using under = await full();
  using claims = new Claims(under);
  await warm(claims, claims.byHttp);
  const count = SLOTS - WARMING;
  const { took, sentLateMs } = await atRate(RATE, count, claims.byHttp);
  const configuration = { claims: count, perSecond: RATE, sentLateMs, keepers: 1 };
  tellTimes(tell, 'pool.claim_http_rate', took, configuration, TARGETS);
}

async function bus(tell: Tell): Promise<void> {
  await using under = await full(1, tell);
  using claims = new Claims(under);
  await expiry(tell, under, claims);
  // Those are over.
  claims.held.length = 0;
  await warm(claims, claims.byBus);
  for (const { callers, claims: count } of ROUNDS) {
    const took = await together(callers, count, claims.byBus);
    tellTimes(tell, `pool.claim_bus_${callers}`, took, { callers, claims: count, keepers: 1 });
  }
  await held(tell, under, claims.held.slice(-HELD));
}

/** Claims a second over the bus by 200 callers, until none is left; and what they wrote. */
async function throughput(tell: Tell, keepers: 1 | 3): Promise<void> {
  await using under = await full(keepers);
  using claims = new Claims(under);
  await warm(claims, claims.byBus);
  const before = Math.max(...claims.revisions);
  const count = SLOTS - WARMING - SPARE;
  const began = performance.now();
  await together(200, count, claims.byBus);
  const seconds = (performance.now() - began) / 1_000;
  if (new Set(claims.held).size !== claims.held.length) throw new Error('a slot was had twice');
  // An ask that was repeated, and came to two keepers at once, may take two.
  const { claimed } = await slots(under);
  const configuration = {
    ...onFile,
    callers: 200,
    claims: count,
    keepers,
    taken: claimed - WARMING,
  };
  tell({
    ...{ name: `pool.claims_${keepers === 1 ? 'one_keeper' : 'three_keepers'}`, unit: '1/s' },
    ...{ value: count / seconds, better: 'higher', configuration },
    ...(keepers === 1 ? { target: TARGETS.claims } : {}),
  });
  if (keepers !== 1) return;
  tell({
    ...{ name: 'pool.writes_per_claim', unit: 'writes', target: TARGETS.writes, better: 'lower' },
    value: (Math.max(...claims.revisions) - before) / count,
    configuration,
  });
}

/** Processes are started for what is claimed: how fast, and what a claim takes meanwhile. */
async function beside(tell: Tell): Promise<void> {
  await using under = await fabricUnderTest(['n1', 'n2'], { capacity });
  await apply(under, { driver: 'process', command: ['sleep', '3600'] }, PROCESSES, 2 * PROCESSES);
  await eventually(async () => (await slots(under)).ready === PROCESSES, LONG_MS, 'a full pool');
  using claims = new Claims(under);
  const began = performance.now();
  const took = await together(1, PROCESSES, claims.byHttp);
  await eventually(async () => (await slots(under)).ready === PROCESSES, LONG_MS, 'as many again');
  tell(refillOf('process', PROCESSES, performance.now() - began));
  const configuration = { callers: 1, claims: PROCESSES, keepers: 1, driver: 'process' };
  tellTimes(tell, 'pool.claim_http_1_while_refilled', took, configuration);
}

const capacity = 'cpu=1000,memory=1Ti,disk=1Ti';

/** A fabric with a full pool, and with nothing to do any more. */
async function full(copies = 1, tell?: Tell): Promise<FabricUnderTest> {
  // The load of a bench comes from one address.
  const environment = { SHOAL_DRIVERS: 'memory', SHOAL_RATE_LIMIT: '1000000' };
  const under = await fabricUnderTest(['n1', 'n2'], { copies, capacity, environment });
  try {
    const began = performance.now();
    await apply(under, { driver: 'memory', command: ['run'] }, SLOTS, SLOTS);
    await eventually(async () => (await slots(under)).ready === SLOTS, LONG_MS, 'a full pool');
    tell?.(refillOf('memory', SLOTS, performance.now() - began));
    return under;
  } catch (error) {
    await under[Symbol.asyncDispose]();
    throw error;
  }
}

async function apply(
  under: FabricUnderTest,
  run: object,
  ready: number,
  maximum: number,
): Promise<void> {
  const template = { ...run, grace: '1s', resources: { cpu: '1m', memory: '1Mi' } };
  const refillParallelism = Math.min(100, ready);
  await api(under, 'PUT', `pools/${pool.pool}`, {
    ...{ apiVersion: 'shoal/v1', kind: 'pool', metadata: { name: pool.pool } },
    spec: { template, ready, maximum, refillParallelism },
  });
}

async function slots(under: FabricUnderTest): Promise<Record<SlotState, number>> {
  return (await api(under, 'GET', `pools/${pool.pool}`)).slots;
}

function refillOf(driver: string, count: number, tookMs: number) {
  return {
    ...({ name: `pool.refill_${driver}`, unit: 'slots/s', better: 'higher' } as const),
    value: (count * 1_000) / tookMs,
    configuration: { ...onFile, slots: count, parallelism: Math.min(100, count), nodes: 2 },
  };
}

/** What it takes to extend and to release claims that are held, one caller. */
async function held(tell: Tell, under: FabricUnderTest, some: readonly string[]): Promise<void> {
  const { ports } = under.bus;
  const orders = {
    extend: (claim: string) => ask(ports, claimExtend, pool, { claim, by: '1m' }),
    release: (claim: string) => ask(ports, claimRelease, pool, { claim }),
  };
  for (const [order, act] of Object.entries(orders)) {
    const took: number[] = [];
    for (const claim of some) {
      const began = performance.now();
      const { answer } = await act(claim);
      took.push(performance.now() - began);
      if (!answer.ok) throw new Error(answer.refusal.detail);
    }
    // What is released is drained and made anew beside it.
    const name = order === 'release' ? 'release_bus_1_while_refilled' : `${order}_bus_1`;
    tellTimes(tell, `pool.${name}`, took, { callers: 1, claims: some.length, keepers: 1 });
  }
}

/** How late claims end, by the store's own time of what it was told. */
async function expiry(tell: Tell, under: FabricUnderTest, claims: Claims): Promise<void> {
  const short: Claiming = () => claims.byBus({ ttl: '2s' });
  await together(10, EXPIRING, short);
  const late = new Map<string, number>();
  const look = (): boolean => {
    for (const { key, value, at } of under.slots.entries()) {
      const { last, claim } = value;
      if (last.verb === 'expired' && claim) late.set(key, at - claim.until);
    }
    return late.size >= EXPIRING;
  };
  await eventually(look, LONG_MS, 'all of them to end');
  const value = Math.max(...late.values());
  const configuration = { ...onFile, claims: EXPIRING, ttl: '2s', keepers: 1 };
  const named = { name: 'pool.expiry_lateness_max', unit: 'ms', better: 'lower' } as const;
  tell({ ...named, value, target: TARGETS.lateness, configuration });
  await eventually(async () => (await slots(under)).ready === SLOTS, LONG_MS, 'as many again');
}

function tellTimes(
  tell: Tell,
  of: string,
  took: readonly number[],
  configuration: Configuration,
  targets: Partial<Record<'p50' | 'p99', number>> = {},
): void {
  for (const share of ['p50', 'p99'] as const) {
    const value = percentile(took, share === 'p50' ? 0.5 : 0.99);
    const target = targets[share];
    tell({
      ...{ name: `${of}_${share}`, value, unit: 'ms', better: 'lower' },
      ...(target === undefined ? {} : { target }),
      configuration: { ...onFile, ...configuration },
    });
  }
}
