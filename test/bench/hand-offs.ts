/**
 * What a claim with a hand-off costs its caller, beside a plain one of the same pool in the same run: over
 * HTTP and over the bus, with 1, 50 and 200 callers of whom each asks again at once.
 *
 * Slots are processes in `sleep` on two nodes. Each is given a file, a variable and the command `true`,
 * which is started on the same cores; so is everything else. As many slots are ready as there may be, so
 * nothing is refilled before a round is over. Not measured: containers, networks between machines.
 */
import { randomBytes } from 'node:crypto';
import { ask } from '../../actors/runtime/ask.ts';
import { claimRelease, claimWait, type HandOff } from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { onFile } from './bus.ts';
import { api } from './called-service.ts';
import { type Claiming, Claims, pool, together } from './claiming.ts';
import { type Benchmark, percentile } from './figure.ts';

const SLOTS = 200;
/** Callers at once, and how many claims they make together. */
const ROUNDS = [
  { callers: 1, claims: 50 },
  { callers: 50, claims: 100 },
  { callers: 200, claims: 200 },
] as const;
const WARMING = 50;
/** Who asks for a hand-off waits: an answer takes as long as its command. */
const WAIT = '5m';
/** Longest until a pool is full, in milliseconds. */
const LONG_MS = 300_000;

/** What each slot is given. It may take its time: 200 programs begin at once. */
const handOff: HandOff = {
  environment: { SHOP: 'one' },
  files: [{ path: 'etc/shop.json', text: '{"shop":"one"}', mode: '0444' }],
  command: ['true'],
  timeout: '1m',
};

export const handOffs: Benchmark = {
  name: 'pool.handoff',
  async run(tell, isWanted) {
    await using under = await full();
    using claims = new Claims(under);
    const ways: Readonly<Record<string, Claiming>> = {
      'pool.handoff_plain_http': claims.byHttp,
      'pool.handoff_http': () => claims.byHttpWith({ handOff }, `?wait=${WAIT}`),
      'pool.handoff_plain_bus': claims.byBus,
      'pool.handoff_bus': () => byBus(under, claims.held),
    };
    const round = async (claim: Claiming, callers: number, count: number): Promise<number[]> => {
      const took = await together(callers, count, claim);
      const slots = new Set(claims.held);
      if (slots.size !== count) throw new Error(`${count} claims had ${slots.size} slots`);
      await giveBack(under, claims.held.splice(0));
      return took;
    };
    const isAsked = (figure: string) => ['p50', 'p99'].some((of) => isWanted(`${figure}_${of}`));
    for (const [name, claim] of Object.entries(ways)) {
      const isAny = ROUNDS.some(({ callers }) => isAsked(`${name}_${callers}`));
      if (isAny) await round(claim, WARMING, WARMING);
    }
    for (const { callers, claims: count } of ROUNDS) {
      for (const [name, claim] of Object.entries(ways)) {
        if (!isAsked(`${name}_${callers}`)) continue;
        const took = await round(claim, callers, count);
        for (const [share, of] of [
          ['p50', 0.5],
          ['p99', 0.99],
        ] as const) {
          tell({
            ...{ name: `${name}_${callers}_${share}`, unit: 'ms', better: 'lower' },
            value: percentile(took, of),
            configuration: { ...onFile, callers, claims: count, nodes: 2, driver: 'process' },
          });
        }
      }
    }
  },
};

/** A claim with a hand-off as a caller on the bus makes it: it asks until there is more to say. */
async function byBus({ bus }: FabricUnderTest, held: string[]): Promise<number> {
  const began = performance.now();
  const place = randomBytes(15).toString('hex');
  for (;;) {
    const { answer } = await ask(bus.ports, claimWait, pool, { place, handOff, wait: WAIT });
    if (!answer.ok && answer.refusal.code === 'actor-unavailable') continue;
    if (!answer.ok) throw new Error(answer.refusal.detail);
    const { claim, place: told } = answer.value;
    if (told) await new Promise((resolve) => setTimeout(resolve, told.againMs));
    if (!claim) continue;
    held.push(claim.claim);
    return performance.now() - began;
  }
}

/** A fabric with a full pool of processes. */
async function full(): Promise<FabricUnderTest> {
  // The load of a bench comes from one address.
  const environment = { SHOAL_DRIVERS: 'process', SHOAL_RATE_LIMIT: '1000000' };
  const capacity = 'cpu=1000,memory=1Ti,disk=1Ti';
  const under = await fabricUnderTest(['n1', 'n2'], { capacity, environment });
  try {
    const command = ['sleep', '36000'];
    // Commands beside a slot share what it may have: with less the kernel ends them now and then.
    const template = { command, grace: '1s', resources: { cpu: '1m', memory: '32Mi' } };
    await api(under, 'PUT', `pools/${pool.pool}`, {
      ...{ apiVersion: 'shoal/v1', kind: 'pool', metadata: { name: pool.pool } },
      spec: { template, ready: SLOTS, maximum: SLOTS, ttl: '1h', refillParallelism: 50 },
    });
    await refilled(under);
    return under;
  } catch (error) {
    await under[Symbol.asyncDispose]();
    throw error;
  }
}

/** Releases all of them; resolves when there are as many ready again. */
async function giveBack(under: FabricUnderTest, held: readonly string[]): Promise<void> {
  for (const claim of held) {
    const { answer } = await ask(under.bus.ports, claimRelease, pool, { claim });
    if (!answer.ok) throw new Error(answer.refusal.detail);
  }
  await refilled(under);
}

function refilled(under: FabricUnderTest): Promise<void> {
  const isFull = async () => (await api(under, 'GET', `pools/${pool.pool}`)).slots.ready === SLOTS;
  return eventually(isFull, LONG_MS, 'a full pool');
}
