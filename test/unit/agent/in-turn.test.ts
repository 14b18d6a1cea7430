/** What is asked about an instance happens in order, whichever of its parts it is about. */
import { expect, test } from 'vitest';
import { InTurn } from '../../../edge-agent/drivers/in-turn.ts';

/** Acts that end when they are told to. */
function acts() {
  const done: string[] = [];
  const ends = new Map<string, () => void>();
  const act = (what: string) => async () => {
    await new Promise<void>((resolve) => ends.set(what, resolve));
    done.push(what);
  };
  return { done, act, begun: () => [...ends.keys()], end: (what: string) => ends.get(what)?.() };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('parts of one instance wait for each other, other instances do not', async () => {
  const turns = new InTurn(() => undefined);
  const { done, act, begun, end } = acts();
  turns.add('t.a', act('forget a'));
  turns.add('t.a.side', act('start a.side'));
  turns.add('t.b', act('start b'));
  await turn();
  expect(begun()).toEqual(['forget a', 'start b']);
  expect([...turns.names].sort()).toEqual(['t.a', 't.a.side', 't.b']);
  end('forget a');
  await turn();
  expect(begun()).toContain('start a.side');
  expect([turns.has('t.a'), turns.has('t.a.side')]).toEqual([false, true]);
  end('start a.side');
  end('start b');
  await turns.settled();
  expect(done).toEqual(['forget a', 'start a.side', 'start b']);
  expect(turns.names).toEqual([]);
});

test('an act that throws is told by its part, and what comes after it goes on', async () => {
  const failed: string[] = [];
  const turns = new InTurn((name, error) => void failed.push(`${name} ${error}`));
  turns.add('t.a.side', () => Promise.reject(new Error('no')));
  let isDone = false;
  turns.add('t.a', async () => {
    isDone = true;
  });
  await turns.settled();
  expect([failed, isDone]).toEqual([['t.a.side Error: no'], true]);
});
