/** The host names of a pool's slots: given with their workload, so that they lead there before they are ready. */
import { expect, test } from 'vitest';
import { poolFaults, serviceOf } from '../../../subjects/index.ts';
import { Pooling, poolSpecOf } from '../../support/pooling.ts';

const route = { domain: 'demo.localhost', variable: 'DOMAIN' };

test('each slot has one of its own from when it warms, and is told it', () => {
  const world = new Pooling();
  world.apply({ route });
  const [slot] = world.slots('warming');
  const name = slot?.slot ?? '';
  const spec = world.workload(name)?.spec as {
    readonly ingress?: object;
    readonly environment: object;
  };
  const host = `${name}.demo.localhost`;
  expect(spec.ingress).toEqual({ host });
  expect(spec.environment).toEqual({ DOMAIN: host });
});

test('none has one where the pool has no route', () => {
  expect(serviceOf(poolSpecOf(), 'a-1')).not.toHaveProperty('ingress');
});

test('slots with other host names take their places when the route changes', () => {
  const world = new Pooling();
  world.apply({ route });
  world.warm();
  const before = world.slots('ready').map(({ slot }) => slot);
  world.apply({ route: { domain: 'other.localhost' } });
  world.warm();
  const after = world.slots('ready').map(({ slot }) => slot);
  expect(after).toHaveLength(2);
  expect(after.filter((slot) => before.includes(slot))).toEqual([]);
});

test.each([
  [{ route: { ...route, port: 'none' } }, ['route', 'port']],
  [{ route, template: { command: ['serve'] } }, ['route', 'port']],
  [
    { route, template: { command: ['serve'], ports: [{ name: 'dns', protocol: 'udp' }] } },
    ['route', 'port'],
  ],
])('a route needs a port that takes calls: %o', (more, path) =>
  expect(poolFaults(poolSpecOf(more)).map((each) => each.path)).toEqual([path]),
);

test('a domain leaves room for the name of a slot', () => {
  const domain = Array.from({ length: 5 }, () => 'a'.repeat(40)).join('.');
  expect(() => poolSpecOf({ route: { domain } })).toThrow();
});
