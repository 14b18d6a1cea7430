/** Durability: each level's settings, what is refused, and what is said of what was found. */
import { describe, expect, test } from 'vitest';
import { durabilityOf, levelOf, sentenceOf } from '../../../subjects/index.ts';

const of = (level: string | undefined, servers: 1 | 3) => {
  const result = durabilityOf(level, servers);
  return result.ok ? result.durability : result.error;
};

test.each([
  [undefined, 1, 'process', 1, '10s'],
  [undefined, 3, 'server', 3, '10s'],
  ['', 1, 'process', 1, '10s'],
  ['process', 1, 'process', 1, '10s'],
  ['process', 3, 'process', 1, '10s'],
  ['server', 3, 'server', 3, '10s'],
  ['power', 1, 'power', 1, 'always'],
  ['power', 3, 'power', 3, 'always'],
] as const)('%s on %i is %s: %i copies, flushed %s', (asked, servers, level, replicas, sync) => {
  expect(of(asked, servers)).toMatchObject({ level, servers, replicas, syncInterval: sync });
});

describe('is refused with the next step', () => {
  test('one server cannot survive its own loss', () => {
    expect(of('server', 1)).toBe(
      'DURABILITY=server needs three servers and there is one; start three (SERVERS=3), or set DURABILITY to process or power',
    );
  });

  test.each(['always', '10s', 'Process', 'power '])('%s is no level', (level) => {
    expect(of(level, 1)).toBe(`DURABILITY is ${level}; set it to process, server or power`);
  });
});

describe('what was found', () => {
  test.each([
    [1, '10s', 'process', 'any process; a loss of power may cost the last 10s'],
    [1, '2m', 'process', 'any process; a loss of power may cost the last 2m'],
    [1, undefined, 'process', 'any process; nats-server does not say how often it flushes'],
    [1, 'always', 'power', 'any process and a loss of power'],
    [3, '10s', 'server', 'the loss of any one server; a loss of power of several servers at once'],
    [3, 'always', 'power', 'any process, the loss of any one server and a loss of power'],
  ] as const)('%i copies flushed %s are %s', (replicas, syncInterval, level, part) => {
    expect(levelOf({ replicas, syncInterval })).toBe(level);
    expect(sentenceOf({ replicas, syncInterval })).toContain(part);
  });

  test('is said as it was promised, when it is what was set up', () => {
    for (const level of ['process', 'power'] as const) {
      const durability = of(level, 1);
      if (typeof durability === 'string') throw new Error(durability);
      expect(levelOf(durability)).toBe(level);
      expect(sentenceOf(durability)).toBe(durability.sentence);
    }
  });
});
