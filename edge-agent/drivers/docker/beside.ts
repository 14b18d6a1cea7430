/** What is done beside what runs: commands, sessions, copies and signals, each in the container of a run. */
import type {
  Begun,
  CopyInput,
  ExecInput,
  Executed,
  InteractInput,
  Output,
  SignalInput,
} from '../driver.ts';
import { containerName } from './container.ts';
import { copyBeside } from './copy.ts';
import { execBeside } from './exec.ts';
import type { Holding } from './holding.ts';
import { interactBeside } from './interact.ts';
import { writtenBy } from './use.ts';

export class Beside {
  readonly #held: Holding;

  constructor(held: Holding) {
    this.#held = held;
  }

  async exec({ name, run, ...of }: ExecInput): Promise<Executed> {
    const where = this.#where(name, run);
    if (where.kind) return where;
    return execBeside(this.#held.engine, where.container, { ...where, ...of });
  }

  async interact(input: InteractInput, output: Output) {
    const where = this.#where(input.name, input.run);
    if (where.kind) return where;
    return interactBeside(this.#held.engine, { ...where, ...input }, output);
  }

  async copy(input: CopyInput, output: Output): Promise<Begun> {
    const where = this.#where(input.name, input.run);
    if (where.kind) return where;
    const { engine, runs } = this.#held;
    const signal = runs.get(input.name)?.stopped ?? where.signal;
    const written = () => writtenBy(this.#held, input.name);
    return copyBeside(engine, { ...where, ...input, signal, written }, output);
  }

  signal({ name, run, signal }: SignalInput): void {
    const where = this.#where(name, run);
    if (where.kind) return;
    // What does not run any more cannot be told.
    void this.#held.engine.kill(where.container, `SIG${signal}`).catch(() => undefined);
  }

  #where(name: string, number: number) {
    const { runs, agent } = this.#held;
    const run = runs.get(name);
    const kept = this.#held.kept.get(name);
    const isRunning = run?.number === number && kept?.input.run === number && !run.isOver;
    if (!isRunning) return { kind: 'unknown', message: 'nothing of it runs' } as const;
    const container = containerName(agent, kept.input);
    return { kept, container, signal: run.left, folder: this.#held.folder(name).run(number) };
  }
}
