/** Several answers in a row are needed to flip a probe, and only those in a row count. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { counted, hasFailed, newCount } from '../../../edge-agent/thresholds.ts';

const thresholds = fc.record({
  successThreshold: fc.integer({ min: 1, max: 4 }),
  failureThreshold: fc.integer({ min: 1, max: 4 }),
});

test('it passes after its successes in a row, fails after its failures in a row, else stays', () => {
  fc.assert(
    fc.property(thresholds, fc.boolean(), fc.array(fc.boolean()), (of, isFirst, answers) => {
      let count = newCount(isFirst);
      let isPassing = isFirst;
      for (const [index] of answers.entries()) {
        const isSuccess = answers[index] === true;
        count = counted(count, isSuccess, of);
        const needed = isSuccess ? of.successThreshold : of.failureThreshold;
        const last = answers.slice(Math.max(0, index + 1 - needed), index + 1);
        const isEnough = last.length === needed && last.every((each) => each === isSuccess);
        if (isEnough) isPassing = isSuccess;
        expect(count.isPassing).toBe(isPassing);
        expect(hasFailed(count, of)).toBe(!isSuccess && isEnough);
      }
    }),
  );
});
