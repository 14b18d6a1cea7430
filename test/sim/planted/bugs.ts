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
    before:
      '      return [...reachable(report.name, local, context), ...said(state, report.name, local, now)];',
    after: '      return reachable(report.name, local, context);',
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
    before: 'const ACT_MS = 2_500;',
    after: 'const ACT_MS = 2_500_000;',
  },
  {
    name: 'fence-kept',
    what: 'Whoever takes a lease keeps the fence of the one before.',
    file: 'actors/runtime/lease.ts',
    before: '    const fence = Math.max(before?.fence ?? 0, revision) + 1;',
    after: '    const fence = before?.fence ?? revision + 1;',
  },
  {
    name: 'fence-ignored',
    what: 'What is removed for good is removed whatever the fence of whoever wants it.',
    file: 'actors/runtime/fenced.ts',
    before: '        if (isNewest(of.under)) keeper.purge(of, done);',
    after: '        if (lease) keeper.purge(of, done);',
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
    name: 'firm-ignored',
    what: 'What an ask is answered that changes nothing does not stand against asks that are on their way.',
    file: 'actors/runtime/firm.ts',
    before: '  if (!ask.isFirm || effects',
    after: '  if (ask.id || effects',
  },
  {
    name: 'drained-without-successor',
    what: 'Where a successor has no node, what it replaces goes first, also where that makes no room.',
    file: 'actors/workload/strategy/one-by-one.ts',
    before: "const makesRoom = outdated.filter((each) => each.node !== 'draining');",
    after: 'const makesRoom = outdated;',
  },
  {
    name: 'min-available-ignored',
    what: 'Whatever is not wanted any more is retired, however few are ready.',
    file: 'actors/workload/strategy/rolling.ts',
    before: '    ({ instance }) => !serving.has(instance) || spare-- > 0,',
    after: '    ({ instance }) => !serving.has(instance) || spare-- > -99,',
  },
  {
    name: 'claim-uncompared',
    what: 'A slot is claimed whatever stands in the store by now.',
    file: 'actors/claim/acquire.ts',
    before: 'commit(put(slotRecord, tokensOf(chosen), claimed))',
    after: "commit(put(slotRecord, tokensOf(chosen), claimed, 'any'))",
  },
  {
    name: 'slots-made-apart',
    what: 'Slots are made without their pool, so two copies make them both.',
    file: 'actors/pool/reconcile.ts',
    before: 'written.push(transact(put(poolRecord, name, paced), ...news))',
    after: 'written.push(transact(...news))',
  },
  {
    name: 'warming-forgotten',
    what: 'Of what is missing only what is ready is taken off.',
    file: 'actors/pool/refill.ts',
    before: '  const missing = wanted - warming - (ready - old);',
    after: '  const missing = wanted - (ready - old);',
  },
  {
    name: 'line-passed',
    what: 'Whoever does not wait has what is ready, however many stand in line.',
    file: 'actors/claim/acquire.ts',
    before: '    if (others.some((other) => suits(other, slot))) continue;',
    after: '    if (others.length > 99 && others.some((other) => suits(other, slot))) continue;',
  },
  {
    name: 'line-unordered',
    what: 'Whoever asks first when a slot is ready has it, wherever it stands in line.',
    file: 'actors/pool/line.ts',
    before: 'sharedOut(wants, free, suits)[of.ahead];',
    after: 'sharedOut(wants, free, suits).find((each) => each);',
  },
  {
    name: 'node-of-slot-unasked',
    what: 'A slot is handed out wherever it is.',
    file: 'actors/claim/acquire.ts',
    before: ' || !suits(wanted, slot)) continue;',
    after: ') continue;',
  },
  {
    name: 'choosy-passed',
    what: 'Whoever does not wait has what those in line want who would not have any slot.',
    file: 'actors/claim/acquire.ts',
    before: '    if (others.some((other) => suits(other, slot))) continue;',
    after: '    if (others.some((other) => !other && suits(other, slot))) continue;',
  },
  {
    name: 'line-shared-unordered',
    what: 'Slots are shared out to the last in line first.',
    file: 'subjects/turns.ts',
    before: '  for (const at of line.keys()) {',
    after: '  for (const at of [...line.keys()].reverse()) {',
  },
  {
    name: 'clock-overheard',
    what: 'What the clock says of a pool is taken for good, for as long as nobody changes the pool.',
    file: 'actors/pool/size.ts',
    before:
      '  if (known && isKnown && now < (known.until ?? Number.POSITIVE_INFINITY)) return known;',
    after: '  if (known && isKnown) return known;',
  },
  {
    name: 'key-forgotten',
    what: 'Whoever asks again by a key has another slot than the one it has.',
    file: 'actors/pool/line.ts',
    before: '    if (value.tenant === tenant && value.pool === pool) return value;',
    after: "    if (value.tenant === tenant && value.state !== 'claimed') return value;",
  },
  {
    name: 'key-body-ignored',
    what: 'Whoever asks for something else by a key has what was asked for first.',
    file: 'actors/pool/line.ts',
    before: '  return digest !== undefined && had?.digest !== undefined && had.digest !== digest;',
    after: '  return digest !== undefined && had === undefined;',
  },
  {
    name: 'hand-off-told-early',
    what: 'Whoever asks again while its slot is being handed off is told that it has it.',
    file: 'actors/pool/line.ts',
    before: '    if (isPending) return awaitHandOff(state, ask, had, context);',
    after: '    if (isPending && !claim) return awaitHandOff(state, ask, had, context);',
  },
  {
    name: 'hand-off-unawaited',
    what: 'What an agent has under way counts as done.',
    file: 'actors/pool/hand-off.ts',
    before: '  if (isUnderWay) return [askAgent(',
    after: '  if (isUnderWay && memo.isTold) return [askAgent(',
  },
  {
    name: 'quota-uncompared',
    what: 'A take is counted over whatever was counted since.',
    file: 'actors/quota/take.ts',
    before: 'return [commit(put(quotaRecord, tokens, after)), answer];',
    after: "return [commit(put(quotaRecord, tokens, after, 'any')), answer];",
  },
];
