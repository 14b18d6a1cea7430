/**
 * `make chaos MINUTES=5`: a real fabric (nats-server, or three with SERVERS=3; two control planes,
 * a gateway, three agents, processes) is hurt at random: programs are killed, paused and cut off
 * while callers submit, scale and delete. After each fault, or several at once, callers wait until
 * everything promised is so, and stays so. FAULTS=nats-server takes only those whose name begins
 * so; SEED repeats the choices, not the machine. Exit codes: 0 all kept, 1 something was not.
 */
import { cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serversIn } from '../../actors/runtime/durability-setting.ts';
import { seededRandom } from '../../actors/runtime/ids.ts';
import { percentile } from '../bench/figure.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { observe } from '../support/observer.ts';
import { problems } from './checks.ts';
import { type Fault, faultsOf } from './faults.ts';
import { Orders } from './orders.ts';
import { StoreWatch } from './watch.ts';

/** How long a fabric has to be whole again once faults have ceased, in milliseconds. */
const RECOVERY_MS = 60_000;
const LOOK_MS = 50;
/** How long it must stay whole, in milliseconds. */
const CALM_MS = 1_500;

const minutes = Number(process.env['MINUTES'] || 5);
const servers = serversIn(process.env);
/** Only faults whose name begins so. */
const only = process.env['FAULTS'] ?? '';
const seed = Number(process.env['SEED'] || Date.now() % 1_000_000);
const random = seededRandom(seed);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const began = performance.now();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const clock = (): string => `${((performance.now() - began) / 1000).toFixed(1).padStart(7)}s`;

/**
 * Time from now until nothing was wrong any more, in milliseconds (0: nobody noticed anything);
 * undefined: it did not come to that in time. What is whole must stay so for a while, and that
 * while begins when callers have their last answer.
 */
async function recovery(
  under: FabricUnderTest,
  orders: Orders,
  answered: Promise<void> = Promise.resolve(),
): Promise<number | undefined> {
  const from = performance.now();
  let [wrongAt, answeredAt] = [from, Number.POSITIVE_INFINITY];
  void answered.then(() => {
    answeredAt = performance.now();
  });
  while (performance.now() - from < RECOVERY_MS) {
    await orders.takeBack();
    if ((await problems(under, orders)).length > 0) wrongAt = performance.now();
    else if (performance.now() - Math.max(wrongAt, answeredAt) > CALM_MS) return wrongAt - from;
    await pause(LOOK_MS);
  }
  return undefined;
}

function report(recoveries: ReadonlyMap<string, readonly number[]>, orders: Orders): void {
  say(`\n${orders.asked} asks, ${orders.acknowledged} acknowledged, seed ${seed}`);
  say(`nodes that died too often and were taken back: ${orders.takenBack}`);
  say('fault                     times  whole again p50 / p95 / longest');
  for (const [kind, times] of [...recoveries].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const [p50, p95, longest] = [0.5, 0.95, 1].map(
      (share) => `${(percentile(times, share) / 1000).toFixed(2)} s`,
    );
    say(`${kind.padEnd(24)} ${String(times.length).padStart(6)}  ${p50} / ${p95} / ${longest}`);
  }
}

async function chaos(): Promise<string[]> {
  await using under = await fabricUnderTest(['n1', 'n2', 'n3'], {
    ...{ copies: 2, isKept: true, servers, isCuttable: true },
  });
  using watch = new StoreWatch(under.bus.ports);
  const orders = new Orders(under, random);
  const recoveries = new Map<string, number[]>();
  const until = performance.now() + minutes * 60_000;
  while (performance.now() < until) {
    const asking = orders.start();
    const done = await someFaults(under);
    const tookMs = await recovery(under, orders, asking.stop());
    const kind = done.map((each) => each.kind).join(', ');
    const end = tookMs === undefined ? 'NOT WHOLE' : `whole after ${Math.round(tookMs)} ms`;
    say(`${clock()}  ${done.map((each) => `${each.kind}: ${each.what}`).join(', ')}; ${end}`);
    if (tookMs === undefined) return [`${kind}: ${await told(under, orders)}`];
    if (watch.violations.length > 0) return [`${kind}: ${watch.violations.join('\n  ')}`];
    const group = done.length > 1 ? 'several at once' : kind;
    recoveries.set(group, [...(recoveries.get(group) ?? []), tookMs]);
  }
  await orders.settle();
  const last = await recovery(under, orders);
  report(recoveries, orders);
  say(`${watch.checkers.checks} writes of the store checked`);
  return last === undefined ? [`at the end: ${await told(under, orders)}`] : [];
}

/** What is wrong, and where the logs of it are kept. */
async function told(under: FabricUnderTest, orders: Orders): Promise<string> {
  const kept = join(tmpdir(), `shoal-chaos-${seed}`);
  await cp(under.fabric.layout.logs, kept, { recursive: true });
  const acting = [...under.leases.entries()].map(({ value }) => `${value.actor}: ${value.holder}`);
  const wrong = (await problems(under, orders)).join('\n  ');
  const seen: string[] = [];
  for (const [index, url] of under.fabric.natsUrls.entries()) {
    await using fresh = await observe(under.fabric, [url]);
    const wrongHere = (await problems({ ...under, ...fresh }, orders)).join('\n    ');
    seen.push(`through ${under.fabric.servers[index]}:\n    ${wrongHere}`);
  }
  return `${wrong}\n  ${seen.join('\n  ')}\n  leases ${acting.join(', ')}\n  the logs are in ${kept}`;
}

/** One fault, or several at once. */
async function someFaults(
  under: FabricUnderTest,
): Promise<readonly { readonly kind: string; readonly what: string }[]> {
  await pause(300 + random() * 1_200);
  const faults = faultsOf(under).filter(({ kind }) => kind.startsWith(only));
  const some = Array.from({ length: random() < 0.25 ? 3 : 1 }, () => {
    return faults[Math.floor(random() * faults.length)] as Fault;
  });
  const different = [...new Map(some.map((each) => [each.kind, each])).values()];
  return Promise.all(
    different.map(async (each) => ({ kind: each.kind, what: await each.act(under, random) })),
  );
}

const violations = await chaos();
say(violations.length === 0 ? 'no violations' : `VIOLATIONS\n  ${violations.join('\n  ')}`);
process.exit(violations.length === 0 ? 0 : 1);
