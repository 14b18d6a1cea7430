/** Many who ask at about the same time are answered by few rounds, each begun after they came. */
import { expect, test } from 'vitest';
import { Rounds } from '../../../actors/runtime/rounds.ts';

/** Rounds that are ended by hand. */
function rounds() {
  const open: ((isReached: boolean) => void)[] = [];
  const said: string[] = [];
  let begun = 0;
  const all = new Rounds((done) => {
    begun++;
    open.push(done);
  });
  return {
    said,
    begun: () => begun,
    join: (who: string) => all.join((isReached) => said.push(`${who} ${isReached}`)),
    end: (isReached: boolean) => open.shift()?.(isReached),
    all,
  };
}

test('who comes while a round is under way gets the next, with all who came meanwhile', () => {
  const of = rounds();
  of.join('a');
  of.join('b');
  of.join('c');
  expect(of.begun()).toBe(1);
  of.end(true);
  expect(of.said).toEqual(['a true']);
  expect(of.begun()).toBe(2);
  of.end(false);
  expect(of.said).toEqual(['a true', 'b false', 'c false']);
  expect(of.begun()).toBe(2);
});

test('who asks again at once, from what he is told, gets a round of his own', () => {
  const of = rounds();
  of.all.join(() => of.join('again'));
  of.end(false);
  expect(of.begun()).toBe(2);
  of.end(true);
  expect(of.said).toEqual(['again true']);
});

test('a round that ends at once begins no other', () => {
  let begun = 0;
  const all = new Rounds((done) => {
    begun++;
    done(true);
  });
  const said: boolean[] = [];
  all.join((isReached) => said.push(isReached));
  all.join((isReached) => said.push(isReached));
  expect([begun, said]).toEqual([2, [true, true]]);
});
