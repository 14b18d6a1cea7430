/** Three control planes of one fabric: killed, stopped and paused in turn, callers notice nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../../actors/runtime/ask.ts';
import {
  type Lease,
  placementExplain,
  wantedSchema,
  workloadApply,
  workloadDelete,
  workloadScale,
} from '../../subjects/index.ts';
import { actingActors } from '../support/acting-actors.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually, PATIENCE } from '../support/ports.ts';

/** How long a takeover may take while the bus is well (design §7), in milliseconds. */
const TAKEOVER_MS = 4_000;

describe('control planes that stand by', () => {
  let under: FabricUnderTest;
  let made = 0;

  beforeAll(async () => {
    under = await fabricUnderTest(['n1', 'n2'], { copies: 3, hasGateway: false });
  });
  afterAll(async () => {
    if (!under) return;
    const { processes } = under;
    await under[Symbol.asyncDispose]();
    expect(await processes()).toEqual([]);
  });

  const lease = (actor: string): Lease | undefined => under.leases.get({ actor, shard: '0' });
  /** Name of the process that acts as an actor: a copy is called by it and an id. */
  const acting = (actor: string): string => (lease(actor)?.holder ?? '').replace(/-[^-]+$/, '');
  const isTaken = (from: string): boolean =>
    actingActors.every((actor) => acting(actor) !== from && acting(actor) !== '');
  const apply = async (count: number) => {
    const tokens = { tenant: 'default', workload: `w${++made}` };
    const spec = { count, command: ['sleep', '600'], grace: '1s' };
    expect(await under.apply(tokens.workload, spec)).toMatchObject({
      ok: true,
      value: { change: 'created' },
    });
    return tokens;
  };
  const ready = (workload: string, count: number) =>
    eventually(() => under.ready(workload).length === count, 20_000, `${count} of ${workload}`);

  test('all that act for all are watched: whoever has a lease', async () => {
    const leased = () => [...under.leases.entries()].map(({ value }) => value.actor).sort();
    await eventually(() => leased().length >= actingActors.length, 20_000, 'a lease of each');
    expect(leased()).toEqual([...actingActors].sort());
  });

  test.each(['SIGKILL', 'SIGTERM'] as const)(
    'one that acts ends by %s: another acts, a call that comes meanwhile is done',
    async (signal) => {
      const before = await apply(2);
      await ready(before.workload, 2);
      const starts = under.ready(before.workload).map((each) => under.seen(each)?.pid);
      const victim = acting('workload');
      // All of them, unless the machine was so busy that one changed hands.
      const held = actingActors.filter((actor) => acting(actor) === victim);
      const fences = held.map((actor) => lease(actor)?.fence ?? 0);
      const ended = under.fabric.child(victim).stop(signal);
      const meanwhile = await apply(2);
      await ready(meanwhile.workload, 2);
      await ended;
      await eventually(() => isTaken(victim), TAKEOVER_MS, 'a takeover');
      for (const [index, actor] of held.entries()) {
        expect(lease(actor)?.fence).toBeGreaterThan(fences[index] ?? 0);
      }
      await ask(under.bus.ports, workloadScale, before, { count: 3 });
      await ready(before.workload, 3);
      const now = under.ready(before.workload).map((each) => under.seen(each)?.pid);
      expect(now).toEqual(expect.arrayContaining(starts));
      await under.fabric.startControl(victim);
      for (const each of [before, meanwhile]) {
        await ask(under.bus.ports, workloadDelete, each, {});
      }
    },
  );

  test('one that stands still is replaced, callers are answered all the same, and it finds that out when it wakes', async () => {
    const victim = acting('membership');
    const { pid } = under.fabric.child(victim);
    process.kill(pid as number, 'SIGSTOP');
    try {
      // It is connected and gets its share of the asks; whoever asks is not to notice.
      const { ports } = under.bus;
      const spec = { count: 1, command: ['sleep', '600'] };
      const wanted = wantedSchema.parse({ kind: 'service', spec });
      const named = { tenant: 'default', workload: 'dry' };
      const explained = await Promise.all(
        Array.from({ length: 12 }, () =>
          ask(
            ports,
            placementExplain,
            {},
            { ...named, wanted },
            { withinMs: TAKEOVER_MS * PATIENCE },
          ),
        ),
      );
      expect(explained.map(({ answer }) => answer.ok)).toEqual(explained.map(() => true));
      const tried = await Promise.all(
        Array.from({ length: 12 }, () =>
          ask(
            ports,
            workloadApply,
            named,
            { wanted, mode: 'try-create' },
            { withinMs: TAKEOVER_MS * PATIENCE },
          ),
        ),
      );
      expect(tried.map(({ answer }) => answer)).toEqual(
        tried.map(() => ({ ok: true, value: { generation: 1, change: 'created' } })),
      );
      expect(under.workloads.get(named)).toBeUndefined();
      await eventually(() => isTaken(victim), 2 * TAKEOVER_MS, 'a takeover');
      const { workload } = await apply(1);
      await ready(workload, 1);
    } finally {
      process.kill(pid as number, 'SIGCONT');
    }
    const taken = actingActors.map((actor) => [actor, lease(actor)] as const);
    const { workload } = await apply(2);
    await ready(workload, 2);
    // Whoever acts now is who acted before, or has taken a lease since.
    for (const [actor, before] of taken) {
      const now = lease(actor);
      if (now?.fence === before?.fence) expect(now?.holder).toBe(before?.holder);
      else expect(now?.fence).toBeGreaterThan(before?.fence ?? 0);
    }
  });
});
