/**
 * Whatever probes answer, in whatever order answers, ends and restarts come: an instance is ready
 * exactly while its probes say so, nothing is asked out of turn, and nothing is left when it is over.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Effects } from '../../../actors/runtime/effect.ts';
import { preStopDue, preStopped } from '../../../edge-agent/ending.ts';
import type { ProbeInput, ProbeReport, StartInput, StopInput } from '../../../edge-agent/jobs.ts';
import { probeDue, probed } from '../../../edge-agent/probing.ts';
import { reconcile, reportedOn, restart } from '../../../edge-agent/runner.ts';
import { entry, NODE, Scene, spec } from './scene.ts';

const name = 'default.web-1';
const way = { tcp: { port: 'http' } };
const PROBES = {
  startup: { ...way, failureThreshold: 3 },
  liveness: { ...way, failureThreshold: 2 },
  readiness: { ...way, failureThreshold: 2, successThreshold: 2 },
};

/** What may happen next; of those that cannot now, nothing happens. */
const happening = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('timer' as const), pick: fc.nat(9) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      ...{ what: fc.constant('answer' as const), pick: fc.nat(9) },
      isSuccess: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.boolean()),
    }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('ready' as const, 'exit' as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('late' as const, 'stop' as const) }) },
);

/** The world around one instance: timers, jobs that are under way, and what they ought to come to. */
class World {
  readonly scene = new Scene();
  readonly timers = new Map<
    string,
    { readonly name: string; readonly key: string; payload: unknown }
  >();
  asked: ProbeInput[] = [];
  readonly answered: ProbeReport[] = [];
  starting: StartInput | undefined;
  /** Run the driver was told to stop. */
  stopping: number | undefined;
  preStop: number | undefined;
  /** What this run's probes have said. */
  isStarted = false;
  passes: boolean[] = [];
  isReady = false;

  constructor(preStop: object) {
    this.scene.assign(spec({ ports: [{ name: 'http' }], probes: PROBES, ...preStop }));
    this.list(true);
  }

  get local() {
    return this.scene.state.local.get(name);
  }

  list(isListed: boolean): void {
    this.scene.list(isListed ? [entry()] : []);
    this.perform(reconcile(this.scene.state, NODE, this.scene.context));
  }

  perform(effects: Effects): void {
    for (const effect of effects) {
      if (effect.kind === 'after') this.timers.set(`${effect.name} ${effect.key}`, effect);
      if (effect.kind === 'cancel' && 'name' in effect) {
        this.timers.delete(`${effect.name} ${effect.key}`);
      }
      if (effect.kind !== 'run') continue;
      if (effect.job === 'start') this.starting = effect.input as StartInput;
      if (effect.job === 'stop') this.stopping = (effect.input as StopInput).run;
      if (effect.job === 'preStop') this.preStop = (effect.input as StopInput).run;
      if (effect.job === 'probe') this.#ask(effect.input as ProbeInput);
    }
  }

  #ask(input: ProbeInput): void {
    const { local } = this;
    expect(local).toMatchObject({ state: 'running', run: input.run, ending: undefined });
    expect(input.probe === 'startup').toBe(!this.isStarted);
    expect(this.asked.some((each) => each.run === input.run && each.probe === input.probe)).toBe(
      false,
    );
    this.asked.push(input);
  }

  start(): void {
    const { state, context, now } = this.scene;
    if (!this.starting) return;
    const { run } = this.starting;
    this.starting = undefined;
    [this.isStarted, this.isReady, this.passes] = [false, false, []];
    const at = { pid: 7, address: '127.0.0.1', ports: { http: 20_001 }, at: now };
    this.perform(reportedOn(state, { name, run, kind: 'started', ...at }, context));
  }

  timer(pick: number): void {
    const key = [...this.timers.keys()][pick % Math.max(1, this.timers.size)];
    const due = key === undefined ? undefined : this.timers.get(key);
    if (key === undefined || !due) return;
    this.timers.delete(key);
    const { state, context } = this.scene;
    if (due.name === 'probe') this.perform(probeDue(state, due));
    if (due.name === 'preStop') this.perform(preStopDue(state, due));
    if (due.name === 'restart') this.perform(restart(state, due, context));
    if (due.name === 'reconcile') this.perform(reconcile(state, NODE, context));
    this.start();
  }

  answer(pick: number, isSuccess: boolean): void {
    const [input] = this.asked.splice(pick % Math.max(1, this.asked.length), 1);
    if (!input) return;
    const { run, probe, lane } = input;
    const reason = isSuccess ? undefined : 'no';
    const report: ProbeReport = { name, run, probe, lane, reason, tookMs: 1 };
    this.answered.push(report);
    if (this.local?.run === run && this.local.probing) {
      if (probe === 'startup' && isSuccess) this.isStarted = true;
      if (probe === 'readiness') {
        this.passes = [...this.passes, isSuccess].slice(-2);
        const [one, other] = this.passes;
        if (this.passes.length === 2 && one === other) this.isReady = one === true;
      }
    }
    this.report(report);
  }

  report(outcome: ProbeReport): void {
    this.perform(probed(this.scene.state, { outcome, memo: undefined }, this.scene.context));
  }

  exit(): void {
    const { local } = this;
    if (local?.state !== 'running' && local?.state !== 'stopping') return;
    const end = { exitCode: 1, signal: undefined, message: undefined } as const;
    const { run } = local;
    this.stopping = undefined;
    this.preStop = undefined;
    const { state, context } = this.scene;
    this.perform(reportedOn(state, { name, run, kind: 'exited', ...end }, context));
  }

  preStopDone(): void {
    if (this.preStop === undefined) return;
    const outcome = { name, run: this.preStop, reason: undefined, tookMs: 1 };
    this.preStop = undefined;
    this.perform(preStopped(this.scene.state, { outcome, memo: undefined }, this.scene.context));
  }

  expectRight(): void {
    const { local } = this;
    if (local?.state !== 'running' || local.ending) expect(local?.isReady ?? false).toBe(false);
    else expect(local.isReady).toBe(this.isStarted && this.isReady);
    if (local?.state === 'running' && !local.isReady) expect(local.message).toMatch(/probe/);
  }
}

test.each([
  ['without', {}],
  ['with', { preStop: { command: ['drain'] } }],
])('%s preStop', (_, preStop) => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 120 }), (happenings) => {
      const world = new World(preStop);
      world.start();
      for (const each of happenings) {
        if (each.what === 'timer') world.timer(each.pick);
        if (each.what === 'answer') world.answer(each.pick, each.isSuccess);
        if (each.what === 'exit') world.exit();
        if (each.what === 'stop') world.preStopDone();
        if (each.what === 'ready' && world.local) {
          const { state, context } = world.scene;
          world.perform(reportedOn(state, { name, run: world.local.run, kind: 'ready' }, context));
        }
        // The report of a run that may be over comes a second time.
        const [first] = world.answered;
        if (each.what === 'late' && first && first.run !== world.local?.run) world.report(first);
        world.expectRight();
      }
      world.list(false);
      for (let steps = 0; world.scene.state.local.size > 0; steps++) {
        expect(steps).toBeLessThan(10);
        for (const key of [...world.timers.keys()]) {
          if (!key.startsWith('probe ')) world.timer([...world.timers.keys()].indexOf(key));
        }
        world.preStopDone();
        if (world.stopping !== undefined) world.exit();
        world.list(false);
      }
      while (world.asked.length > 0) world.answer(0, true);
      expect([...world.timers.keys()].filter((key) => key.startsWith('probe '))).toEqual([]);
      const { network } = world.scene.state.probes;
      expect([network.underWay.size, network.waiting.size, world.asked]).toEqual([0, 0, []]);
    }),
    { numRuns: 300 },
  );
});
