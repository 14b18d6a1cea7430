/**
 * Bugs that a person could make, each as a change of one place: `before` stands in `file` exactly
 * once. The simulator must find every one of them (docs/decisions/0012).
 */

/** One bug. */
export interface Bug {
  /** Lower-case words with dashes. */
  readonly name: string;
  /** What somebody forgot or got wrong, in one sentence. */
  readonly what: string;
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

export const bugs: readonly Bug[] = [
  {
    name: 'effect-dropped',
    what: 'An agent that hears that an instance is ready does not say so.',
    file: 'edge-agent/runner.ts',
    before: `      local.isReady = true;
      return said(state, report.name, local, now);`,
    after: `      local.isReady = true;
      return none;`,
  },
  {
    name: 'told-before-committed',
    what: 'Answers go out before the commits they tell of.',
    file: 'actors/runtime/plan.ts',
    before: '  return { steps, keys: [...keys] };',
    after: `  const late = steps.filter((each) => each.kind !== 'reply');
  return { steps: [...steps.filter((each) => each.kind === 'reply'), ...late], keys: [...keys] };`,
  },
  {
    name: 'acknowledged-first',
    what: 'A work item is acknowledged before its effects are done.',
    file: 'actors/runtime/host.ts',
    before: '    this.#holds.hold(plan.keys);',
    after: `    inbound.item?.ack();
    this.#holds.hold(plan.keys);`,
  },
  {
    name: 'acting-on',
    what: 'A copy whose lease could not be renewed acts on.',
    file: 'actors/runtime/lease.ts',
    before: "      this.#lose('the lease could not be renewed'),",
    after: '      undefined,',
  },
  {
    name: 'fence-kept',
    what: 'Whoever takes a lease keeps the fence of the one before.',
    file: 'actors/runtime/lease.ts',
    before: '    const fence = Math.max(before?.fence ?? 0, revision) + 1;',
    after: '    const fence = before?.fence ?? revision + 1;',
  },
  {
    name: 'revision-ignored',
    what: 'A commit expects whatever stands there, not what its step has read.',
    file: 'actors/runtime/plan.ts',
    before: "wanted.expected === 'any' ? 'any' : (view?.revision(key) ?? 0)",
    after: "wanted.expected === 'any' || view ? 'any' : 0",
  },
  {
    name: 'held-key-forgotten',
    what: 'Of the keys of a commit only the first is held.',
    file: 'actors/runtime/holds.ts',
    before: '    for (const key of keys) this.#waiting.set(key, []);',
    after: '    for (const key of keys.slice(0, 1)) this.#waiting.set(key, []);',
  },
  {
    name: 'conflict-taken-for-success',
    what: 'A commit that met another writer counts as done.',
    file: 'actors/runtime/flow.ts',
    before: '      else isWhole = false;',
    after: "      else if (result.kind !== 'conflict') isWhole = false;",
  },
  {
    name: 'silence-taken-for-success',
    what: 'A write without an answer counts as done once the store answers again.',
    file: 'actors/runtime/flow.ts',
    before: '    if (wanted.every((one) => this.#isStoredByMe(one))) this.proceed();',
    after: '    if (wanted.every(() => true)) this.proceed();',
  },
  {
    name: 'epoch-not-raised',
    what: 'An instance is bound again with the epoch it had.',
    file: 'actors/scheduler/place.ts',
    before: '  const epoch = instance.epoch + 1;',
    after: '  const epoch = Math.max(1, instance.epoch);',
  },
  {
    name: 'old-entry-left',
    what: 'The ledger that listed an instance before keeps its entry.',
    file: 'actors/scheduler/ledger-writes.ts',
    before: 'this.#vacated.set(other, without(ledger, entryName(instance)))',
    after: 'this.#vacated.set(other, ledger)',
  },
  {
    name: 'listed-before-bound',
    what: 'Ledgers are written before the instances they list.',
    file: 'actors/scheduler/perform.ts',
    before: '  const left = decision.vacated.filter(',
    after: `  effects.reverse();
  const left = decision.vacated.filter(`,
  },
  {
    name: 'acceptance-unchecked',
    what: 'An instance goes back to its node whatever the node accepts.',
    file: 'actors/scheduler/place.ts',
    before: "    if (ledger?.accepts !== 'yes') continue;",
    after: '    if (!ledger) continue;',
  },
  {
    name: 'room-unchecked',
    what: 'The scheduler takes a node that is full for an empty one.',
    file: 'actors/scheduler/table.ts',
    before: 'row.free = ledger ? freeOf(ledger) : noAmounts;',
    after: 'row.free = ledger ? ledger.capacity : noAmounts;',
  },
  {
    name: 'devices-free',
    what: 'What is booked of devices is not taken from what is free.',
    file: 'subjects/booking.ts',
    before: '    if (bandwidthBps === undefined && devices === undefined) continue;',
    after: '    if (devices !== undefined || bandwidthBps === undefined) continue;',
  },
  {
    name: 'adopted-unchecked',
    what: 'An agent goes on with what it found running, whether or not its ledger lists it.',
    file: 'edge-agent/runner.ts',
    before: `  for (const [name, { sidecar }] of state.local) {
    if (sidecar !== undefined || ledger?.entries[name]) continue;`,
    after: `  for (const [name, { sidecar, state: its }] of state.local) {
    if (sidecar !== undefined || ledger?.entries[name] || its === 'running') continue;`,
  },
  {
    name: 'sidecar-not-awaited',
    what: 'A part of an instance is started before those that come first are up.',
    file: 'edge-agent/group.ts',
    before: '    if (!isUp(local)) return none;',
    after: '    if (!isActive(local)) return none;',
  },
  {
    name: 'sidecars-left',
    what: 'The sidecars of an instance whose program has ended are not ended.',
    file: 'edge-agent/group.ts',
    before: `    effects.push(...stopPart(state, part, local, context));
    if (isActive(local)) return effects;`,
    after: '    return effects;',
  },
  {
    name: 'not-written-off',
    what: 'What an offline node ran is not wanted anywhere else.',
    file: 'subjects/booking.ts',
    before: "  return ledger?.accepts === 'offline' || ledger?.accepts === 'failed';",
    after: "  return ledger?.accepts === 'failed';",
  },
  {
    name: 'sweep-does-nothing',
    what: 'The workload actor never looks at everything.',
    file: 'actors/workload/sweep.ts',
    before: '  const { views } = context;',
    after: `  if (context.now > 0) return [];
  const { views } = context;`,
  },
  {
    name: 'late-ask-done',
    what: 'An ask that comes late is done over what was asked for, and promised, since.',
    file: 'actors/runtime/outdated.ts',
    before: '  if (ask.seen === undefined || revision <= ask.seen) return undefined;',
    after: '  if (ask.seen === undefined || revision >= 0) return undefined;',
  },
  {
    name: 'min-available-ignored',
    what: 'Whatever is not wanted any more is retired, however few are ready.',
    file: 'actors/workload/strategy/rolling.ts',
    before: '    ({ instance }) => !serving.has(instance) || spare-- > 0,',
    after: '    ({ instance }) => !serving.has(instance) || spare-- > -99,',
  },
];
