/** What `shoal attach` is made of: lines of an output, and signals that are passed on. */
import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OutputLines } from '../../../cli/session/output-lines.ts';
import { Signals } from '../../../cli/signals.ts';

describe('the lines of an output', () => {
  test('are the same wherever the bytes were cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.array(fc.nat(40)), (text, cuts) => {
        const lines = new OutputLines();
        const found: string[] = [];
        let rest = Buffer.from(`${text}\n\nGrüße`);
        for (const cut of cuts) {
          found.push(...lines.add(rest.subarray(0, cut)));
          rest = rest.subarray(cut);
        }
        found.push(...lines.add(rest), ...lines.end(), ...lines.end());
        expect(found).toEqual(`${Buffer.from(text)}\n\nGrüße`.split('\n'));
      }),
    );
  });

  test('do not wait for the end of one that has none', () => {
    const lines = new OutputLines();
    const piece = Buffer.alloc(600_000, 'x');
    expect(lines.add(piece)).toEqual([]);
    expect(lines.add(piece).map((each) => each.length)).toEqual([1_200_000]);
    expect(lines.end()).toEqual([]);
  });
});

describe('a signal', () => {
  test('interrupts, unless somebody passes it on, and again afterwards', () => {
    const [source, seen] = [new EventEmitter(), [] as string[]];
    const signals = new Signals(source, () => seen.push('interrupted'));
    source.emit('SIGINT');
    const release = signals.take((signal) => seen.push(signal));
    for (const each of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1']) source.emit(each);
    release();
    for (const each of ['SIGINT', 'SIGTERM']) source.emit(each);
    expect(seen).toEqual(['interrupted', 'INT', 'TERM', 'USR1', 'interrupted']);
    expect(source.eventNames()).toEqual(['SIGINT']);
  });
});
