/**
 * What the gateway knows of the fabric: views of its own, followed for as long as it lives. Reads
 * are answered from here and never ask anybody.
 */
import type { Close } from '../actors/runtime/ports.ts';
import type { Change, View } from '../actors/runtime/view.ts';
import type { Views } from '../actors/runtime/views.ts';
import {
  deadRecord,
  endpointsRecord,
  type Instance,
  instanceRecord,
  isOf,
  ledgerRecord,
  nodeRecord,
  nodeState,
  type Observed,
  observedRecord,
  type Phase,
  phaseOf,
  poolRecord,
  revisionRecord,
  routeRecord,
  scheduleRecord,
  slotRecord,
  tenantRecord,
  waitRecord,
  workloadRecord,
} from '../subjects/index.ts';

/** How often a read waits for a revision, and how long each time, in milliseconds. */
const WAITS_MAX = 2;
const WAIT_MS = 1_000;

/** An instance with what its node says of it. */
export interface Seen {
  readonly instance: Instance;
  /** Only of the run that is wanted. */
  readonly observed: Observed | undefined;
  readonly phase: Phase;
}

/** Whose instances and routes a change is about. */
export interface Way {
  readonly tenant: string;
  readonly workload: string;
}

/** What can be watched one by one: a workload with its instances, a pool with its slots and line, a node. */
export type WatchedKind = 'workload' | 'pool' | 'node';

export class Known {
  readonly workloads: View<typeof workloadRecord>;
  readonly instances: View<typeof instanceRecord>;
  readonly observed: View<typeof observedRecord>;
  readonly nodes: View<typeof nodeRecord>;
  readonly ledgers: View<typeof ledgerRecord>;
  readonly routes: View<typeof routeRecord>;
  readonly letters: View<typeof deadRecord>;
  readonly schedules: View<typeof scheduleRecord>;
  readonly tenants: View<typeof tenantRecord>;
  readonly revisions: View<typeof revisionRecord>;
  readonly endpoints: View<typeof endpointsRecord>;
  readonly pools: View<typeof poolRecord>;
  readonly slots: View<typeof slotRecord>;
  readonly waits: View<typeof waitRecord>;
  readonly #views: Views;
  readonly #listeners: ((way: Way | undefined) => void)[] = [];
  readonly #lineListeners: ((group: string) => void)[] = [];
  readonly #watchers: Readonly<Record<WatchedKind, Map<string, Set<() => void>>>> = {
    ...{ workload: new Map(), pool: new Map(), node: new Map() },
  };
  readonly #slotListeners: ((change: Change<typeof slotRecord>) => void)[] = [];
  readonly #poolListeners: ((change: Change<typeof poolRecord>) => void)[] = [];

  /** Call before the views are started. */
  constructor(views: Views) {
    const tell = ({
      before,
      after,
    }: {
      readonly before?: Way | undefined;
      readonly after?: Way | undefined;
    }): void => {
      const way = after ?? before;
      for (const changed of this.#listeners) changed(way);
      if (way) this.#tellWatchers('workload', `${way.tenant}.${way.workload}`);
    };
    // What runs on a node is shown otherwise when the node is.
    const tellNode = (node: string | undefined): void => {
      if (node !== undefined) this.#tellWatchers('node', node);
    };
    const tellLine = ({ tenant, pool }: { readonly tenant: string; readonly pool: string }) => {
      const group = `${tenant}.${pool}`;
      for (const changed of this.#lineListeners) changed(group);
      this.#tellWatchers('pool', group);
    };
    this.#views = views;
    this.workloads = views.follow(workloadRecord, {}, ({ tokens }) =>
      this.#tellWatchers('workload', `${tokens.tenant}.${tokens.workload}`),
    );
    this.ledgers = views.follow(ledgerRecord, {}, ({ tokens }) => tellNode(tokens.node));
    this.letters = views.follow(deadRecord);
    this.schedules = views.follow(scheduleRecord);
    this.tenants = views.follow(tenantRecord);
    this.revisions = views.follow(revisionRecord);
    this.endpoints = views.follow(endpointsRecord);
    this.pools = views.follow(poolRecord, {}, (change) => {
      for (const changed of this.#poolListeners) changed(change);
      tellLine(change.tokens);
    });
    this.slots = views.follow(slotRecord, {}, (change) => {
      for (const changed of this.#slotListeners) changed(change);
      tellLine(change.tokens);
    });
    this.waits = views.follow(waitRecord, {}, ({ tokens }) => tellLine(tokens));
    this.instances = views.follow(instanceRecord, {}, tell);
    this.observed = views.follow(observedRecord, {}, (change) => {
      tell(change);
      tellNode(change.tokens.node);
    });
    this.nodes = views.follow(nodeRecord, {}, ({ tokens }) => {
      tell({});
      tellNode(tokens.node);
      this.#tellAll('workload');
    });
    this.routes = views.follow(routeRecord, {}, tell);
  }

  /**
   * Calls at each change of what the way to an instance depends on, with the workload whose way it is;
   * undefined: that of any.
   */
  whenWayChanged(changed: (way: Way | undefined) => void): void {
    this.#listeners.push(changed);
  }

  /** Calls at each change of a pool, its slots and its line, with `<tenant>.<pool>`. */
  whenLineChanged(changed: (group: string) => void): void {
    this.#lineListeners.push(changed);
  }

  /** Calls at each change of one thing or of what is shown of it, until the returned function is called. */
  watch(kind: WatchedKind, key: string, changed: () => void): Close {
    const all = this.#watchers[kind];
    const watchers = all.get(key) ?? new Set();
    all.set(key, watchers.add(changed));
    return () => {
      watchers.delete(changed);
      if (watchers.size === 0 && all.get(key) === watchers) all.delete(key);
    };
  }

  #tellWatchers(kind: WatchedKind, key: string): void {
    for (const changed of this.#watchers[kind].get(key) ?? []) changed();
  }

  #tellAll(kind: WatchedKind): void {
    for (const key of this.#watchers[kind].keys()) this.#tellWatchers(kind, key);
  }

  /** Calls at each change of a slot. */
  whenSlotChanged(changed: (change: Change<typeof slotRecord>) => void): void {
    this.#slotListeners.push(changed);
  }

  /** Calls at each change of a pool. */
  whenPoolChanged(changed: (change: Change<typeof poolRecord>) => void): void {
    this.#poolListeners.push(changed);
  }

  get isCurrent(): boolean {
    return this.#views.isCurrent;
  }

  /** Newest revision of the store that has been seen. */
  get revision(): number {
    return this.#views.revision();
  }

  /** Newest revision of each bucket that has been seen: of what is wanted, and of what nodes say. */
  seen(): { readonly wanted: number; readonly observed: number } {
    return { wanted: this.revision, observed: this.#views.revision('shoal-observed') };
  }

  /** Resolves when a revision has been seen, or after two seconds without it. */
  async reach(revision = 0): Promise<void> {
    for (let waits = 0; waits < WAITS_MAX && this.revision < revision; waits++) {
      await new Promise<void>((resolve) =>
        this.#views.catchUp('shoal', revision, () => resolve(), WAIT_MS),
      );
    }
  }

  /** An instance as it stands now. */
  see(instance: Instance): Seen {
    const { tenant, instance: id, node } = instance;
    const there = node === undefined ? undefined : this.nodes.get({ node });
    const said = node === undefined ? undefined : this.observed.get({ node, tenant, instance: id });
    const observed = said && isOf(said, instance) ? said : undefined;
    return { instance, observed, phase: phaseOf(instance, observed, there && nodeState(there)) };
  }

  /** Every instance of a workload. */
  seeAll(tenant: string, workload: string): readonly Seen[] {
    return [...this.instances.by('workload', `${tenant}.${workload}`)].map((each) =>
      this.see(each.value),
    );
  }
}
