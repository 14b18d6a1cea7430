/**
 * Whatever the ledger says when, however instances end, whenever the agent is killed, and whatever
 * is lost between agent and driver: nothing runs that is not listed, nothing runs twice, and in the
 * end what runs is what is listed.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Effects } from '../../../actors/runtime/effect.ts';
import { listed, sweep } from '../../../edge-agent/compare.ts';
import type { Found, InstanceReport, StartInput } from '../../../edge-agent/jobs.ts';
import { adopted, reconcile, reportedOn, restart } from '../../../edge-agent/runner.ts';
import { isActive } from '../../../edge-agent/state.ts';
import type { LedgerEntry } from '../../../subjects/index.ts';
import { entry, NODE, Scene, spec } from './scene.ts';

const NAMES = ['web-1', 'web-2'] as const;
type Name = (typeof NAMES)[number];
const END = { kind: 'exited', exitCode: undefined, signal: undefined } as const;

/** A machine under an agent: processes that live through the death of their agent. */
class Machine {
  scene = this.#fresh();
  readonly listed = new Map<string, LedgerEntry>();
  readonly processes = new Map<string, { input: StartInput; epoch: number; isStopping: boolean }>();
  /** Names of instances that the agent forgot at some time. */
  readonly #lost = new Set<string>();
  #epochs = 0;

  #fresh(): Scene {
    const scene = new Scene({ isAdopted: false });
    for (const generation of [1, 2]) scene.assign({ ...spec(), generation });
    return scene;
  }

  bind(name: Name, more: { readonly attempt: number; readonly generation: number }): void {
    this.listed.set(name, entry({ instance: name, epoch: ++this.#epochs, ...more }));
    this.look();
  }

  stop(name: Name): void {
    const listed = this.listed.get(name);
    if (listed) this.listed.set(name, { ...listed, isStopping: true });
    this.look();
  }

  unbind(name: Name): void {
    this.listed.delete(name);
    this.look();
  }

  look(): void {
    this.scene.list([...this.listed.values()]);
    this.#perform(reconcile(this.scene.state, NODE, this.scene.context));
  }

  /** A process ends, by itself or as it was told. */
  end(name: string): void {
    const process = this.processes.get(`default.${name}`);
    if (!process) return;
    this.processes.delete(process.input.name);
    this.#report({
      ...{ name: process.input.name, run: process.input.run, kind: 'exited', exitCode: 1 },
      ...{ signal: undefined, message: undefined },
    });
  }

  /** A process ends, and the report of it is lost. */
  endUnheard(name: string): void {
    this.processes.delete(`default.${name}`);
  }

  /** The agent forgets an instance that runs. */
  lose(name: string): void {
    if (!this.processes.has(`default.${name}`)) return;
    this.scene.state.local.delete(`default.${name}`);
    this.#lost.add(`default.${name}`);
  }

  /** The driver forgets that it was told to end something. */
  forgetStop(name: string): void {
    const process = this.processes.get(`default.${name}`);
    if (process) process.isStopping = false;
  }

  /** The agent looks at everything. */
  sweep(): void {
    this.#perform(sweep(this.scene.state, { key: '', payload: undefined }, this.scene.context));
  }

  /** The agent is killed, and another one takes over. */
  killAgent(): void {
    this.scene = this.#fresh();
    this.scene.list([...this.listed.values()]);
    const found = this.#found();
    const { state, context } = this.scene;
    this.#perform(
      adopted(NODE)(state, { outcome: { kind: 'found', found }, memo: undefined }, context),
    );
  }

  /** Everything that was asked to end does, and every pause passes. */
  settle(): void {
    for (let round = 0; round < 6; round++) {
      this.scene.now += 700_000;
      for (const [name, process] of this.processes) {
        if (process.isStopping) this.end(name.replace('default.', ''));
      }
      const { state, context } = this.scene;
      for (const key of state.local.keys()) {
        this.#perform(restart(state, { key, payload: undefined }, context));
      }
      this.look();
      this.sweep();
    }
  }

  #listed(memo: unknown): void {
    const found = this.#found();
    const { state, context } = this.scene;
    const outcome = { kind: 'listed', found, busy: [] } as const;
    this.#perform(listed(NODE)(state, { outcome, memo }, context));
  }

  #found(): Found[] {
    return [...this.processes.values()].map(
      ({ input, epoch }): Found => ({
        ...{ ...input, epoch, isReady: true, address: '', ports: {}, pid: 1 },
        ...{ startedAt: 0, restarts: 0 },
      }),
    );
  }

  #report(report: InstanceReport): void {
    this.#perform(reportedOn(this.scene.state, report, this.scene.context));
  }

  #perform(effects: Effects): void {
    for (const effect of effects) {
      if (effect.kind !== 'run') continue;
      if (effect.job === 'list') this.#listed(effect.memo);
      const input = effect.input as StartInput;
      const process = this.processes.get(input.name);
      if (effect.job === 'start') {
        if (this.#lost.has(input.name) && process) {
          const message = 'cannot be started: it runs already';
          this.#report({ ...END, message, name: input.name, run: input.run });
          continue;
        }
        expect(process).toBeUndefined();
        const listed = this.listed.get(input.instance);
        expect(listed).toMatchObject({ epoch: input.epoch, attempt: input.attempt });
        expect(listed?.isStopping).not.toBe(true);
        this.processes.set(input.name, { input, epoch: input.epoch, isStopping: false });
        const at = { pid: 1, address: '', ports: {}, at: 0 };
        this.#report({ name: input.name, run: input.run, kind: 'started', ...at });
      }
      if (effect.job === 'stop') {
        if (process?.input.run === input.run) process.isStopping = true;
        else
          this.#report({ ...END, message: 'nothing of it ran', name: input.name, run: input.run });
      }
      if (effect.job === 'relabel' && process?.input.run === input.run) process.epoch = input.epoch;
      if (effect.job === 'forget' && !this.#lost.has(input.name)) expect(process).toBeUndefined();
    }
  }
}

const name = fc.constantFrom(...NAMES);
const number = fc.integer({ min: 1, max: 2 });
const happenings = fc.array(
  fc.oneof(
    fc.tuple(fc.constant('bind' as const), name, number, number),
    fc.tuple(fc.constantFrom('stop', 'unbind', 'end', 'end-unheard', 'lose', 'forget-stop'), name),
    fc.tuple(fc.constantFrom('kill', 'settle', 'look', 'sweep')),
  ),
  { maxLength: 30 },
);

test('what runs is what is listed', () => {
  fc.assert(
    fc.property(happenings, (all) => {
      const machine = new Machine();
      machine.killAgent();
      for (const [what, of, attempt, generation] of all) {
        if (what === 'bind')
          machine.bind(of as Name, {
            attempt: attempt as number,
            generation: generation as number,
          });
        else if (what === 'stop') machine.stop(of as Name);
        else if (what === 'unbind') machine.unbind(of as Name);
        else if (what === 'end') machine.end(of as Name);
        else if (what === 'end-unheard') machine.endUnheard(of as Name);
        else if (what === 'lose') machine.lose(of as Name);
        else if (what === 'forget-stop') machine.forgetStop(of as Name);
        else if (what === 'sweep') machine.sweep();
        else if (what === 'kill') machine.killAgent();
        else if (what === 'settle') machine.settle();
        else machine.look();
      }
      machine.settle();
      const wanted = [...machine.listed.values()].filter((each) => !each.isStopping);
      const { local } = machine.scene.state;
      for (const { instance, epoch, generation, attempt } of wanted) {
        const known = local.get(`default.${instance}`);
        expect(known).toMatchObject({ epoch, generation, attempt });
        // What ended too often is over; everything else runs, once, as what is listed.
        if (known && isActive(known)) {
          expect(machine.processes.get(`default.${instance}`)).toMatchObject({ epoch });
        }
      }
      const names = [...machine.processes.keys()];
      expect(names.filter((each) => !wanted.some((w) => each === `default.${w.instance}`))).toEqual(
        [],
      );
      expect(
        [...local.keys()].filter((each) => !machine.listed.has(each.replace('default.', ''))),
      ).toEqual([]);
    }),
    { numRuns: 500 },
  );
});
