/**
 * A service `web` on a stage with nodes, through the steps that lead it from one version to
 * another: applied, looked at, placed, and run by nodes that do what a version makes them do.
 */
import type { Effects } from '../../actors/runtime/effect.ts';
import { scheduler } from '../../actors/scheduler/actor.ts';
import { place, placeMore } from '../../actors/scheduler/perform.ts';
import { apply, explained } from '../../actors/workload/apply.ts';
import { reconcile } from '../../actors/workload/reconcile.ts';
import { newState } from '../../actors/workload/state.ts';
import {
  eventNoticed,
  type Instance,
  type LedgerEntry,
  nodeState,
  type Observed,
  observedRecord,
  phaseOf,
  placementExplain,
  placeWork,
  type RolloutStatus,
  rolloutStatus,
  type Workload,
  workloadApply,
} from '../../subjects/index.ts';
import { ofKind, sent } from './effects.ts';
import { addNode, addObserved, observedOf } from './records.ts';
import { service } from './specs.ts';
import { due, received, Stage } from './stage.ts';

export const web = { tenant: 'default', workload: 'web' };
/** How instances of a version behave on their node; the default is `ready`. */
type Behaviour = 'ready' | 'starting' | 'failing' | 'unending';

export class RolloutSite {
  readonly stage = new Stage();
  /** By template generation, or of one instance by its id. */
  readonly behaviours = new Map<number | string, Behaviour>();
  /** What was told of the workload: `verb: message`. */
  readonly told: string[] = [];
  readonly #scheduler = this.stage.stateOf(scheduler());

  constructor(nodes: readonly string[] = ['n1', 'n2', 'n3']) {
    for (const id of nodes) addNode(this.stage, id);
  }

  get workload(): Workload & { readonly kind: 'service' } {
    const found = this.stage.views.workloads.get(web);
    if (found?.kind !== 'service') throw new Error('there is no service web');
    return found;
  }

  /** Instances that are to run. */
  get running(): readonly Instance[] {
    return [...this.stage.views.instances.entries()]
      .map(({ value }) => value)
      .filter((each) => each.intent === 'run' && !each.outcome);
  }

  /** Versions of the running instances, in order. */
  get versions(): readonly number[] {
    return this.running.map(({ generation }) => generation).sort();
  }

  get members() {
    const { views } = this.stage;
    const live = [...views.instances.entries()].map(({ value }) => value);
    return live
      .filter((each) => !each.outcome)
      .map((instance) => {
        const { node, tenant, instance: id } = instance;
        if (node === undefined) {
          return { instance, observed: undefined, phase: phaseOf(instance, undefined, undefined) };
        }
        const record = views.nodes.get({ node });
        const seen = views.observed.get({ node, tenant, instance: id });
        const observed = seen?.epoch === instance.epoch ? seen : undefined;
        return {
          instance,
          observed,
          phase: phaseOf(instance, observed, record && nodeState(record)),
        };
      });
  }

  get ready(): number {
    return this.members.filter(({ phase }) => phase === 'ready').length;
  }

  get status(): RolloutStatus {
    return rolloutStatus(this.workload, this.members);
  }

  /** Applies a service; `version` is in its environment. Returns the template generation. */
  apply(version: string, spec: Record<string, unknown> = {}): number {
    const { count = 3, ...rest } = spec as { count?: number };
    const wanted = service(count, { environment: { VERSION: version }, ...rest });
    const ask = received(workloadApply, web, { wanted, mode: 'put' });
    let effects = apply(newState(), ask, this.stage.context);
    const [question] = ofKind(effects, 'request');
    if (question?.contract === placementExplain) {
      const none = { nodes: 0, feasible: 0, possible: 0, removed: {}, impossible: {} };
      const value = { ...none, drivers: [], placed: 0, choice: [], table: [] };
      const answer = { ok: true, value } as const;
      effects = explained(newState(), { answer, memo: question.memo }, this.stage.context);
    }
    this.does(effects);
    return this.workload.templateGeneration;
  }

  /** Carries out what a step wanted. */
  does(effects: Effects): void {
    for (const { payload } of sent(effects, eventNoticed)) {
      if (payload.noun === 'workload') this.told.push(`${payload.verb}: ${payload.message}`);
    }
    this.stage.perform(effects);
  }

  looks(): void {
    this.does(reconcile('default.web', this.stage.context));
  }

  places(): void {
    const item = received(placeWork, { priority: 'normal', ...web }, { reason: 'test' });
    let effects = place(this.#scheduler, item, this.stage.context);
    for (;;) {
      this.stage.perform(effects);
      const [more] = ofKind(effects, 'after');
      if (!more) return;
      effects = placeMore(this.#scheduler, due(more.key, more.payload), this.stage.context);
    }
  }

  /** The nodes that live do what their ledgers say. */
  acts(): void {
    const { views, now } = this.stage;
    for (const { value: ledger } of [...views.ledgers.entries()]) {
      const { node } = ledger;
      if (ledger.accepts === 'offline') continue;
      for (const entry of Object.values(ledger.entries)) {
        const bound = views.instances.get({ tenant: 'default', instance: entry.instance });
        if (!bound) continue;
        const seen = views.observed.get({ node, tenant: 'default', instance: entry.instance });
        const after = { ...observedOf(bound, { node, epoch: entry.epoch }), ...this.#doing(entry) };
        const isSame = seen?.epoch === entry.epoch && seen.state === after.state;
        const isStill = isSame && seen.isReady === after.isReady;
        addObserved(this.stage, { ...after, changedAt: isStill ? seen.changedAt : now });
      }
      for (const { value } of [...views.observed.entries()]) {
        if (value.node !== node || ledger.entries[`default.${value.instance}`]) continue;
        this.stage.put(observedRecord, { ...value }, undefined);
      }
    }
  }

  #doing({ instance, generation, isStopping }: LedgerEntry): Partial<Observed> {
    const { behaviours } = this;
    const behaviour = behaviours.get(instance) ?? behaviours.get(generation) ?? 'ready';
    if (isStopping && behaviour === 'unending') return { state: 'stopping', isReady: false };
    if (isStopping) return { state: 'stopped', isReady: false };
    if (behaviour === 'ready' || behaviour === 'unending') return {};
    if (behaviour === 'starting') return { state: 'starting', isReady: false };
    return { state: 'backing-off', isReady: false, message: 'exited with 3' };
  }

  /** Rounds of everything, `stepMs` apart; `each` is called after every one. */
  runs(rounds: number, each: () => void = () => undefined, stepMs = 100): void {
    for (let round = 0; round < rounds; round++) {
      this.stage.now += stepMs;
      this.looks();
      each();
      this.places();
      this.acts();
      each();
    }
  }
}
