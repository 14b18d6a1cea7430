/**
 * A reader that stands still for longer than anything else in a session may be silent: as long as it lives
 * it gets all of what it takes. What an engine does meanwhile is in the conformance of drivers (D8).
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { Running } from '../support/running.ts';

/** Longer than a copy that nobody took used to last, and than every bound on silence, in milliseconds. */
const PAUSE_MS = 35_000;

let under: FabricUnderTest;
beforeAll(async () => {
  under = await fabricUnderTest(['n1']);
  await under.apply('box', {
    count: 1,
    command: ['sh', '-c', 'head -c 8000000 /dev/zero > big; exec sleep 600'],
  });
  await eventually(() => under.ready('box').length === 1, 30_000, 'the box');
});
afterAll(() => under?.[Symbol.asyncDispose]());

test('`shoal cp x:/big - | less`, and somebody who reads slowly', async () => {
  const instance = under.ready('box')[0]?.instance ?? '';
  const copy = new Running(['cp', `${instance}:/big`, '-'], {
    SHOAL_GATEWAY: under.fabric.gatewayUrl,
  });
  // Nothing is taken of its pipe, as by a pager that shows its first page.
  copy.child.stdout?.pause();
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  expect([copy.child.exitCode, copy.err]).toEqual([null, '']);
  copy.child.stdout?.resume();
  const { code, out, err } = await copy.end();
  expect([code, err]).toEqual([0, '']);
  expect(out.length).toBeGreaterThan(8_000_000);
});
