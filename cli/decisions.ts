/** Makes sure that what schedulers decided is read from their stream, whole. */
import { type TailStart, tailStream } from '../actors/runtime/nats/tail.ts';
import { type Decided, decode, pattern, placementDecided, tokensIn } from '../subjects/index.ts';
import { exitCodes } from './exit-codes.ts';
import { Failure } from './failure.ts';
import type { operatorBus } from './operator-bus.ts';

type Bus = Awaited<ReturnType<typeof operatorBus>>;

/** How long the stream is read, in milliseconds, before it is given up. */
const READ_MS = 15_000;

/** One decision, and which workload it is about. */
export interface KeptDecision {
  readonly workload: string;
  readonly decided: Decided;
}

export interface Decisions {
  /** The instance that was asked about: each decision placed it, or it waited. */
  readonly instance?: string;
  /** The oldest first; at least one. */
  readonly all: readonly KeptDecision[];
}

export interface DecisionsAsked {
  readonly tenant: string;
  /** A workload or the id of an instance; default: all workloads of the tenant. */
  readonly name?: string | undefined;
  /** In milliseconds since 1970; default: all that are kept. */
  readonly since?: number | undefined;
}

/** What was decided about a workload, an instance or a tenant. Throws Failure: nothing is kept. */
export async function decisionsOf(bus: Bus, asked: DecisionsAsked): Promise<Decisions> {
  const { tenant, name, since } = asked;
  const own = await read(bus, name === undefined ? { tenant } : { tenant, workload: name }, since);
  if (own.length > 0) return { all: own };
  const then = since === undefined ? '' : ` since ${new Date(since).toISOString()}`;
  if (name === undefined) {
    throw new Failure(
      exitCodes.refused,
      `no decision of tenant ${tenant} is kept${then}; decisions are kept for a day`,
    );
  }
  // An instance is named after its workload, with a dash and five characters.
  const workload = name.slice(0, -6);
  const all = workload === '' ? [] : await read(bus, { tenant, workload }, since);
  const about = all.filter(
    ({ decided: { placed, parked } }) =>
      parked.includes(name) || placed.some((each) => each.instance === name),
  );
  if (about.length > 0) return { instance: name, all: about };
  throw new Failure(
    exitCodes.refused,
    `no decision about ${name} of tenant ${tenant} is kept${then}; decisions are kept for a day, \`shoal explain ${name} --now\` asks what would be decided now`,
  );
}

/** The newest that is not after a moment (in milliseconds since 1970). Throws Failure. */
export function decisionAt(all: Decisions['all'], at: number): KeptDecision {
  const found = all.findLast((each) => each.decided.at <= at);
  if (found) return found;
  const first = new Date(all[0]?.decided.at ?? 0).toISOString();
  throw new Failure(
    exitCodes.refused,
    `the first decision about ${all[0]?.workload} that is kept is of ${first}`,
  );
}

async function read(
  { reading }: Bus,
  tokens: { readonly tenant: string; readonly workload?: string },
  since: number | undefined,
): Promise<readonly KeptDecision[]> {
  const found: KeptDecision[] = [];
  const subjects = [pattern(placementDecided, tokens)];
  const start: TailStart = since === undefined ? { kind: 'all' } : { kind: 'since', at: since };
  await new Promise<void>((resolve, reject) => {
    const late = new Failure(exitCodes.unreachable, 'the stream of decisions does not answer');
    const timer = setTimeout(() => done(() => reject(late)), READ_MS);
    const close = tailStream(
      reading,
      { stream: 'DECISIONS', subjects, start },
      {
        message: ({ subject, body }) => {
          const value = decode(placementDecided, body);
          const of = tokensIn(placementDecided, subject);
          if (value.ok && of) found.push({ workload: of.workload, decided: value.value });
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
