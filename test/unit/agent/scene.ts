/** One agent's state with its views, for tests of single steps: what is listed, and what time it is. */
import type { Effects } from '../../../actors/runtime/effect.ts';
import { View } from '../../../actors/runtime/view.ts';
import { type Ctx, newState, type State } from '../../../edge-agent/state.ts';
import {
  type AssignedSpec,
  address,
  type Ledger,
  type LedgerEntry,
  ledgerRecord,
  specRecord,
  wantedSchema,
} from '../../../subjects/index.ts';

export const NODE = 'n1';

export class Scene {
  readonly state: State;
  now = 1_000_000;
  random = 0;
  #revision = 0;
  readonly #ledgers = new View(ledgerRecord);
  readonly #specs = new View(specRecord);

  constructor(more: Partial<State> = {}) {
    this.state = { ...newState(), isAdopted: true, ...more };
  }

  get context(): Ctx {
    return {
      now: this.now,
      clockSetMs: 0,
      views: { ledgers: this.#ledgers, specs: this.#specs },
      random: () => this.random,
      id: () => 'abcde',
      isHeld: () => false,
      isMine: () => false,
      fence: 0,
      revision: this.#revision,
    };
  }

  /** The ledger lists these, and nothing else. Returns its revision. */
  list(entries: readonly LedgerEntry[], incarnation = 1): number {
    const none = { cpuMilli: 0, memoryBytes: 0, diskBytes: 0 };
    const ledger: Ledger = {
      ...{ node: NODE, capacity: none, accepts: 'yes', incarnation, sums: none },
      entries: Object.fromEntries(
        entries.map((each) => [`${each.tenant}.${each.instance}`, each] as const),
      ),
    };
    const meta = { revision: ++this.#revision, writer: undefined, at: this.now };
    this.#ledgers.apply(address(ledgerRecord, { node: NODE }), ledger, meta);
    return this.#revision;
  }

  /** The spec is on the node. */
  assign(spec: AssignedSpec): void {
    const { tenant, workload, generation } = spec;
    const tokens = { node: NODE, tenant, workload, generation: String(generation) };
    const meta = { revision: ++this.#revision, writer: undefined, at: this.now };
    this.#specs.apply(address(specRecord, tokens), spec, meta);
  }

  local(name = 'default.web-1') {
    const local = this.state.local.get(name);
    if (!local) throw new Error(`nothing is known of ${name}`);
    return local;
  }
}

/** An entry of a ledger for instance `web-1`. */
export function entry(more: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    ...{ tenant: 'default', workload: 'web', instance: 'web-1' },
    ...{ generation: 1, epoch: 1, attempt: 1, cpuMilli: 100, memoryBytes: 1, diskBytes: 0 },
    ...more,
  };
}

/** The spec of workload `web`. */
export function spec(more: Record<string, unknown> = {}, kind = 'service'): AssignedSpec {
  const wanted = wantedSchema.parse({ kind, spec: { command: ['serve'], ...more } });
  const of = { tenant: 'default', workload: 'web', generation: 1 };
  return { ...of, kind: wanted.kind, spec: wanted.spec } as AssignedSpec;
}

/** Names of the jobs among some effects. */
export function jobsOf(effects: Effects): readonly string[] {
  return effects.flatMap((each) => (each.kind === 'run' ? [each.job] : []));
}

/** The input of the one job of this name. */
export function inputOf(effects: Effects, job: string): Record<string, unknown> {
  const found = effects.filter((each) => each.kind === 'run' && each.job === job);
  const [one] = found;
  if (found.length !== 1 || one?.kind !== 'run') throw new Error(`${found.length} of ${job}`);
  return one.input as Record<string, unknown>;
}

/** The delay of the one timer of this name; undefined: it is not set. */
export function delayOf(effects: Effects, timer: string): number | undefined {
  const found = effects.filter((each) => each.kind === 'after' && each.name === timer);
  const [one] = found;
  if (found.length > 1) throw new Error(`${found.length} timers ${timer}`);
  return one?.kind === 'after' ? one.delayMs : undefined;
}
