/** Makes sure that what schedulers decided about a workload is read from their stream, whole. */
import { tailStream } from '../actors/runtime/nats/tail.ts';
import {
  address,
  type Decided,
  decode,
  type EventContract,
  type PayloadOf,
  placementDecided,
} from '../subjects/index.ts';
import { exitCodes } from './exit-codes.ts';
import { Failure } from './failure.ts';
import type { operatorBus } from './operator-bus.ts';

type Bus = Awaited<ReturnType<typeof operatorBus>>;

/** How long the stream is read, in milliseconds, before it is given up. */
const READ_MS = 15_000;

/** A name and what was decided about it: of an instance, only where it was placed or waited. */
export interface Decisions {
  readonly tenant: string;
  readonly workload: string;
  /** The oldest first; at least one. */
  readonly all: readonly Decided[];
}

/** What was decided about a workload or an instance. Throws Failure where nothing is kept. */
export async function decisionsOf(bus: Bus, tenant: string, name: string): Promise<Decisions> {
  const own = await read(bus, placementDecided, { tenant, workload: name });
  if (own.length > 0) return { tenant, workload: name, all: own };
  // An instance is named after its workload, with a dash and five characters.
  const workload = name.slice(0, -6);
  const all = workload === '' ? [] : await read(bus, placementDecided, { tenant, workload });
  const about = all.filter(
    ({ placed, parked }) => parked.includes(name) || placed.some((each) => each.instance === name),
  );
  if (about.length > 0) return { tenant, workload, all: about };
  throw new Failure(
    exitCodes.refused,
    `no decision about ${name} of tenant ${tenant} is kept; decisions are kept for a day, \`shoal explain ${name} --now\` asks what would be decided now`,
  );
}

/** The newest that is not after a moment (in milliseconds since 1970). Throws Failure. */
export function decisionAt({ all, workload }: Decisions, at: number): Decided {
  const found = all.findLast((each) => each.at <= at);
  if (found) return found;
  const first = new Date(all[0]?.at ?? 0).toISOString();
  throw new Failure(
    exitCodes.refused,
    `the first decision about ${workload} that is kept is of ${first}`,
  );
}

async function read<C extends EventContract>(
  { reading }: Bus,
  contract: C,
  tokens: Readonly<Record<string, string>>,
): Promise<readonly PayloadOf<C>[]> {
  const found: PayloadOf<C>[] = [];
  const subjects = [address(contract as EventContract, tokens as never)];
  await new Promise<void>((resolve, reject) => {
    const late = new Failure(exitCodes.unreachable, 'the stream of decisions does not answer');
    const timer = setTimeout(() => done(() => reject(late)), READ_MS);
    const close = tailStream(
      reading,
      { stream: 'DECISIONS', subjects, start: { kind: 'all' } },
      {
        message: ({ body }) => {
          const value = decode(contract, body);
          if (value.ok) found.push(value.value as PayloadOf<C>);
        },
        current: () => done(resolve),
      },
    );
    const done = (end: () => void): void => {
      clearTimeout(timer);
      // Not from inside its own call.
      setImmediate(() => {
        close();
        end();
      });
    };
  });
  return found;
}
