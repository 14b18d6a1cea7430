/**
 * Work that makes the step fail that should do it, as a bug for one message would: a poisoned
 * workload cannot be placed until it is cured. What a stranger queues and nobody can read is like it.
 */
import { letterOf } from '../../actors/runtime/letters.ts';
import type { MemoryServer } from '../../actors/runtime/memory/server.ts';
import { ID_HEADER, type Outgoing } from '../../actors/runtime/ports.ts';
import { address, deadRecord, placeWork } from '../../subjects/index.ts';
import { isStranger } from './store-faults.ts';

/** Whose work it is. */
const ACTOR = 'scheduler';

export class Poison {
  /** Workloads that are poisoned. */
  readonly names = new Set<string>();
  readonly #thrown = new Map<string, number>();
  /** Items whose last step threw, by copy and id. */
  readonly #failed = new Set<string>();
  /** Items that a copy has decided on without a fault, by copy and id. */
  readonly #passed = new Set<string>();
  readonly #server: MemoryServer;

  constructor(server: MemoryServer) {
    this.#server = server;
  }

  /** Before a step of a copy: throws where what came is poisoned. */
  taste(copy: string, label: string, message: unknown): void {
    if (label !== placeWork.name) return;
    const { id, tokens } = message as {
      readonly id: string;
      readonly tokens: { workload: string };
    };
    const delivered = `${copy} ${id}`;
    this.#failed.delete(delivered);
    if (!this.names.has(tokens.workload)) {
      this.#passed.add(delivered);
      // A copy that stood still since it gave it up has not heard that another had it meanwhile.
      for (const each of this.#failed) if (each.endsWith(` ${id}`)) this.#failed.delete(each);
      return;
    }
    // One that was decided on before, and came again meanwhile, is done for that one.
    if (!this.#passed.has(delivered)) this.#failed.add(delivered);
    this.#thrown.set(copy, (this.#thrown.get(copy) ?? 0) + 1);
    throw new Error(`${tokens.workload} is poisoned`);
  }

  /** How often a copy's steps threw for it. */
  thrown(copy: string): number {
    return this.#thrown.get(copy) ?? 0;
  }

  /** A copy takes an item for done; what is wrong with that: one that failed must have its letter. */
  wrongDone(copy: string, message: Outgoing): string | undefined {
    const hasFailed = this.#failed.delete(`${copy} ${message.headers[ID_HEADER]}`);
    if (!hasFailed && !isStranger(message)) return undefined;
    const { subject: about } = message;
    const reason = { code: '', detail: '' };
    const given = { actor: ACTOR, contract: placeWork.name, about, reason, deliveries: 1 };
    const key = address(deadRecord, letterOf(given, 0));
    if (this.#server.side('shoal').keys.get(key)?.body) return undefined;
    return `${copy} gave up ${about}, and ${key} is not listed`;
  }
}
