/** A burst of changes is looked at once. */
import { expect, test } from 'vitest';
import { groupOf, look, lookAll, nameIn, newState } from '../../../actors/workload/state.ts';
import { ofKind } from '../../support/effects.ts';

test('a look is arranged once, until it was had', () => {
  const state = newState();
  expect(look(state, 'default.web')).toMatchObject([
    { kind: 'after', name: 'look', key: 'default.web' },
  ]);
  expect(look(state, 'default.web')).toEqual([]);
  state.due.delete('default.web');
  expect(look(state, 'default.web')).toHaveLength(1);
});

test('of many, each is looked at once', () => {
  const effects = lookAll(newState(), ['a.x', 'a.y', 'a.x', 'b.x', 'a.y']);
  expect(ofKind(effects, 'after').map((each) => each.key)).toEqual(['a.x', 'a.y', 'b.x']);
});

test('a group names its workload', () => {
  const web = { tenant: 'default', workload: 'web' };
  expect(nameIn(groupOf(web))).toEqual(web);
});
