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
import { reasonOf } from '../../actors/runtime/reason.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { observe } from '../support/observer.ts';
import { beatsThrough, keepPages } from './bus-evidence.ts';
import { problems } from './checks.ts';
import { type Fault, faultsOf } from './faults.ts';
import { Orders } from './orders.ts';
import { reportOf } from './report.ts';
import { StoreWatch } from './watch.ts';
import { withheldMs } from './withheld.ts';

/** How long a fabric has to be whole again once faults have ceased, of time it was given, in milliseconds. */
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
const withheldBefore = withheldMs();
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
  const withheldFrom = withheldMs();
  const givenMs = (): number => performance.now() - from - (withheldMs() - withheldFrom);
  let [wrongAt, answeredAt] = [from, Number.POSITIVE_INFINITY];
  void answered.then(() => {
    answeredAt = performance.now();
  });
  while (givenMs() < RECOVERY_MS) {
    await orders.takeBack();
    if ((await problems(under, orders)).length > 0) wrongAt = performance.now();
    else if (performance.now() - Math.max(wrongAt, answeredAt) > CALM_MS) return wrongAt - from;
    await pause(LOOK_MS);
  }
  return undefined;
}

/** Goes on until the time is over or something was not kept, and says what happened either way. */
async function chaos(): Promise<readonly string[]> {
  await using under = await fabricUnderTest(['n1', 'n2', 'n3'], {
    ...{ copies: 2, isKept: true, servers, isCuttable: true },
  });
  using watch = new StoreWatch(under.bus.ports);
  const orders = new Orders(under, random);
  const struck = new Map<string, number>();
  const recoveries = new Map<string, number[]>();
  const violations: string[] = [];
  const until = performance.now() + minutes * 60_000;
  while (performance.now() < until && violations.length === 0) {
    const asking = orders.start();
    const done = await someFaults(under);
    for (const { kind } of done) struck.set(kind, (struck.get(kind) ?? 0) + 1);
    const tookMs = await recovery(under, orders, asking.stop());
    const kind = done.map((each) => each.kind).join(', ');
    const end = tookMs === undefined ? 'NOT WHOLE' : `whole after ${Math.round(tookMs)} ms`;
    say(`${clock()}  ${done.map((each) => `${each.kind}: ${each.what}`).join(', ')}; ${end}`);
    if (tookMs === undefined) violations.push(`${kind}: ${await told(under, orders)}`);
    else {
      const group = done.length > 1 ? 'several at once' : kind;
      recoveries.set(group, [...(recoveries.get(group) ?? []), tookMs]);
    }
    violations.push(...watch.violations.map((each) => `${kind}: ${each}`));
  }
  if (violations.length === 0) {
    await orders.settle();
    if ((await recovery(under, orders)) === undefined) {
      violations.push(`at the end: ${await told(under, orders)}`);
    }
    violations.push(...watch.violations.map((each) => `at the end: ${each}`));
  }
  const { asked, acknowledged, takenBack } = orders;
  const { checks } = watch.checkers;
  const withheldRatio = (withheldMs() - withheldBefore) / (performance.now() - began);
  const seen = { seed, asked, acknowledged, takenBack, checks, withheldRatio };
  const happened = { ...seen, struck, recoveries, violations };
  say(`\n${reportOf(happened).join('\n')}`);
  return violations;
}

/** What is wrong, and where the logs and the servers' own words of it are kept. */
async function told(under: FabricUnderTest, orders: Orders): Promise<string> {
  const kept = join(tmpdir(), `shoal-chaos-${seed}`);
  await cp(under.fabric.layout.logs, kept, { recursive: true });
  await keepPages(under, kept);
  const acting = [...under.leases.entries()].map(({ value }) => `${value.actor}: ${value.holder}`);
  const wrong = (await problems(under, orders)).join('\n  ');
  const seen: string[] = [];
  for (const [index, url] of under.fabric.natsUrls.entries()) {
    const through = `through ${under.fabric.servers[index]}`;
    try {
      await using fresh = await observe(under.fabric, [url]);
      const wrongHere = (await problems({ ...under, ...fresh }, orders)).join('\n    ');
      const beats = await beatsThrough(fresh);
      seen.push(`${through}, ${beats}:\n    ${wrongHere}`);
    } catch (error) {
      // That nothing is to be seen there is a finding, too.
      seen.push(`${through} nothing is seen: ${reasonOf(error)}`);
    }
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
process.exit(violations.length === 0 ? 0 : 1);
