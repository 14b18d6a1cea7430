import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap } from '../../../actors/runtime/heap.ts';

test('gives the first of what is in it, whatever came and went', () => {
  const order = fc.array(fc.option(fc.integer({ min: -50, max: 50 }), { freq: 3 }));
  fc.assert(
    fc.property(order, (steps) => {
      const heap = new Heap<number>((one, other) => one < other);
      const model: number[] = [];
      for (const step of steps) {
        if (step === null) {
          expect(heap.pop()).toBe(model.shift());
        } else {
          heap.push(step);
          model.push(step);
          model.sort((one, other) => one - other);
        }
        expect(heap.size).toBe(model.length);
        expect(heap.peek()).toBe(model[0]);
      }
    }),
  );
});
