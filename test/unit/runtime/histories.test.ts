/**
 * What a real fabric decided while a workload was placed, a node died and its instances were
 * replaced, is decided so today. `HISTORIES=write npx vitest run --project integration recording`
 * records anew, when a decision has changed on purpose.
 */
import { describe, expect, test } from 'vitest';
import { actors } from '../../../actors/main.ts';
import type { Actor } from '../../../actors/runtime/actor.ts';
import type { Effects } from '../../../actors/runtime/effect.ts';
import { expectReplay, recordingsIn } from '../../support/history.ts';

const fileOf = (actor: string): URL => new URL(`../histories/${actor}.jsonl`, import.meta.url);

/** An actor whose steps for some messages want one thing less than they should. */
function forgetful(actor: Actor): Actor {
  const less =
    (step: (...given: never[]) => Effects) =>
    (...given: never[]): Effects =>
      step(...given).slice(1);
  const routes = actor.routes.map((each) => ({ ...each, step: less(each.step) }));
  const timers = Object.fromEntries(
    Object.entries(actor.timers).map(([name, each]) => [name, { ...each, step: less(each.step) }]),
  );
  return { ...actor, routes, timers } as Actor;
}

describe.each([
  ['scheduler', ['work.place', 'placement.explain']],
  ['workload', ['workload.apply', 'look', 'changed nodes']],
  ['membership', ['node.beat', 'bus.disconnected', 'listen']],
])('the history of the %s', (name, labels) => {
  test('is decided as it was', async () => {
    const [result] = await expectReplay(fileOf(name));
    expect(result?.steps).toBeGreaterThan(4);
  });

  test('has the decisions it is kept for, with effects', async () => {
    const [recorded] = await recordingsIn(fileOf(name));
    const steps = (recorded?.entries ?? []).flatMap((each) =>
      'entry' in each && each.entry.kind === 'step' ? [each.entry] : [],
    );
    for (const label of labels) {
      expect(steps.map((each) => each.label)).toContain(label);
    }
    expect(steps.filter(({ effects }) => effects.length > 0).length).toBeGreaterThan(1);
  });

  test('is decided otherwise by an actor that has changed', async () => {
    await expect(expectReplay(fileOf(name), actors().map(forgetful))).rejects.toThrow(
      `${name} decides otherwise`,
    );
  });
});
