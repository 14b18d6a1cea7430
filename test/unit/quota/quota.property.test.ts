/**
 * Two copies that count for the same callers and die at any moment, asks that come at once, twice, late
 * or not at all, and refunds between them: never more than a limit, and in the end no less.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quota } from '../../../actors/quota/actor.ts';
import { type Answer, quotaRecord, quotaRefund, quotaTake } from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';

const tokens = { tenant: 'default', quota: 'demo' };
const windows = [
  { windowMs: 3_600_000, limit: 3 },
  { windowMs: 86_400_000, limit: 5 },
];
const callers = ['203-0-113-7', '2001-db8--1'] as const;
const caller = fc.constantFrom(...callers);

const move = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('take' as const), caller }) },
  // A copy of an ask that was sent before, however long ago.
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('again' as const), which: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('refund' as const), which: fc.nat(30) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), which: fc.nat(1) }) },
);

interface Taken {
  readonly id: string;
  readonly caller: string;
  answer: Answer<{ readonly take: string }> | undefined;
  isRefunded: boolean;
  /** Whether its refund was answered. */
  isHeard: boolean;
  /** Sent more than once: a copy that came after its refusal may have been counted, see decision 36. */
  isAgain: boolean;
}

/** Whether nobody can tell if it was counted: a copy died with it, or with its refund. */
function isUnknown({ answer, isRefunded, isHeard, isAgain }: Taken): boolean {
  if (isRefunded) return !isHeard;
  return !answer || (!answer.ok && (isAgain || answer.refusal.code !== 'quota-exceeded'));
}

test('no interleaving gives more than a limit, nor loses what was refunded', () => {
  fc.assert(
    fc.property(fc.array(move, { minLength: 5, maxLength: 60 }), (moves) => {
      const bench = new Bench();
      const copies = [bench.join(quota()), bench.join(quota())];
      const crash = (which: number): void => {
        copies[which]?.host.stop();
        copies[which]?.connection.close();
        copies[which] = bench.join(quota());
      };
      const all: Taken[] = [];
      const send = (taken: Taken): void =>
        bench.send(
          quotaTake,
          tokens,
          { caller: taken.caller, windows },
          {
            id: taken.id,
            answered: (answer) => {
              taken.answer ??= answer as Taken['answer'];
            },
          },
        );
      const refund = (taken: Taken | undefined): void => {
        if (!taken?.answer?.ok) return;
        taken.isRefunded = true;
        const of = { caller: taken.caller, take: taken.id };
        bench.send(quotaRefund, tokens, of, {
          answered: (answer) => {
            taken.isHeard ||= (answer as Answer<unknown>).ok;
          },
        });
      };
      const counted = (of: string): number =>
        all.filter((each) => each.caller === of && each.answer?.ok && !each.isRefunded).length;
      const check = (): void => {
        for (const each of callers) expect(counted(each)).toBeLessThanOrEqual(3);
      };
      for (const each of moves) {
        if (each.kind === 'take') {
          const id = `take-${all.length}`;
          all.push({
            id,
            caller: each.caller,
            answer: undefined,
            isRefunded: false,
            isHeard: false,
            isAgain: false,
          });
          send(all.at(-1) as Taken);
        } else if (each.kind === 'again') {
          const before = all[each.which % Math.max(1, all.length)];
          // One that was refused may be allowed by now, and nobody waits for it: see decision 36.
          if (before && before.answer?.ok !== false) {
            before.isAgain = true;
            send(before);
          }
        } else if (each.kind === 'refund') {
          refund(all[each.which % Math.max(1, all.length)]);
        } else if (each.kind === 'crash') {
          crash(each.which);
        } else {
          bench.clock.advance(each.ms);
        }
        check();
      }
      bench.clock.advance(5_000);
      check();
      for (const each of callers) {
        // What is stored, and what callers were told, are the same: as many are left as were not taken.
        let left = 0;
        for (;;) {
          const answer = bench.ask(quotaTake, tokens, { caller: each, windows }, `${each}-${left}`);
          if (!answer.ok) break;
          left++;
        }
        // Of those that heard nothing nobody can tell; but they are never more than that.
        const unknown = all.filter((one) => one.caller === each && isUnknown(one)).length;
        expect(counted(each) + left).toBeLessThanOrEqual(3);
        expect(counted(each) + left + unknown).toBeGreaterThanOrEqual(3);
      }
    }),
    { numRuns: 150 },
  );
});

test('what nobody needs any more goes', () => {
  const bench = new Bench();
  bench.join(quota());
  const take = (id: string) => bench.ask(quotaTake, tokens, { caller: callers[0], windows }, id);
  const stored = () => bench.stored(quotaRecord, { ...tokens, caller: callers[0] });
  expect(take('a')).toEqual({ ok: true, value: { take: 'a' } });
  bench.clock.advance(86_400_000 - 60_000);
  expect(stored()).toBeDefined();
  bench.clock.advance(120_001);
  expect(stored()).toBeUndefined();
  expect(take('b').ok).toBe(true);
});

test('a take that is asked for again after its refund is not counted', () => {
  const bench = new Bench();
  bench.join(quota());
  const one = [{ windowMs: 60_000, limit: 1 }];
  const take = (id: string) => bench.ask(quotaTake, tokens, { caller: 'a', windows: one }, id);
  const refund = () => bench.ask(quotaRefund, tokens, { caller: 'a', take: 'x' });
  expect(take('x').ok).toBe(true);
  expect(take('y')).toMatchObject({ ok: false, refusal: { code: 'quota-exceeded' } });
  expect(refund()).toEqual({ ok: true, value: { isRefunded: true } });
  expect(refund()).toEqual({ ok: true, value: { isRefunded: true } });
  expect(take('x').ok).toBe(true);
  expect(take('y').ok).toBe(true);
});
