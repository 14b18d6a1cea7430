/** What a node sees reaches the store, whatever is lost on the way, and always the newest. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Effects } from '../../../actors/runtime/effect.ts';
import { confirmed, said, say } from '../../../edge-agent/say.ts';
import type { Local } from '../../../edge-agent/state.ts';
import {
  encode,
  type Observed,
  observedRecord,
  PORTS_MAX,
  SIDECARS_MAX,
} from '../../../subjects/index.ts';
import { delayOf, NODE, Scene, spec } from './scene.ts';

const due = { key: '', payload: undefined };
const local = (more: Partial<Local> = {}): Local => ({
  ...{ tenant: 'default', workload: 'web', instance: 'web-1', generation: 1, attempt: 1, epoch: 3 },
  ...{
    state: 'running',
    isReady: true,
    run: 1,
    spec: spec(),
    restartedAt: [],
    restarts: 0,
    restartAt: 0,
  },
  ...{ address: '127.0.0.1', ports: { http: 80 }, pid: 7, exitCode: undefined, signal: undefined },
  ...{ message: undefined, startedAt: 5, lastEnd: undefined, changedAt: 5 },
  ...{ probing: undefined, ending: undefined, failing: undefined },
  ...{ sidecar: undefined, sidecars: [] },
  ...more,
});
const tell = (scene: Scene) => say(NODE)(scene.state, due, scene.context);
const puts = (effects: Effects) =>
  effects.flatMap((each) => (each.kind === 'commit' ? each.puts : []));
/** The memo the step that follows the commit is given. */
const memo = (effects: Effects) => {
  const found = effects.find((each) => each.kind === 'after' && each.name === 'confirmed');
  return found?.kind === 'after' ? { key: '', payload: found.payload } : { key: '', payload: [] };
};
const change = (scene: Scene, name: string, of: Local): Effects => {
  scene.state.local.set(name, of);
  return said(scene.state, name, of, scene.now);
};

describe('an observation', () => {
  test('is written whole, as the contract wants it, without what is not known', () => {
    const scene = new Scene();
    expect(delayOf(change(scene, 'default.web-1', local()), 'say')).toBe(0);
    const [one] = puts(tell(scene));
    expect(one).toMatchObject({ expected: 'own', tokens: { node: NODE, instance: 'web-1' } });
    expect(observedRecord.schema.parse(one?.value)).toEqual(one?.value);
    expect(one?.value).toMatchObject({ epoch: 3, pid: 7, startedAt: 5, changedAt: scene.now });
    expect(Object.keys(one?.value as object)).not.toContain('exitCode');
  });

  test('with an endless message is cut, so that it can be written', () => {
    const scene = new Scene();
    change(
      scene,
      'default.web-1',
      local({ message: 'x'.repeat(5_000), exitCode: 1, signal: 'SIGTERM' }),
    );
    const value = puts(tell(scene))[0]?.value as Observed;
    expect(value.message).toHaveLength(500);
    expect(observedRecord.schema.safeParse(value).success).toBe(true);
  });

  test.each([
    ['control characters', '\u0001'],
    ['characters outside the first plane', '\u{1F41F}'],
    ['halves of characters', '\uD83D'],
    ['quotes', '"'],
  ])('fits its record whatever its parts print, and however long names are: %s', (_what, char) => {
    const scene = new Scene();
    const [id, instance] = ['t'.repeat(48), 'i'.repeat(63)];
    const sidecars = Array.from({ length: SIDECARS_MAX }, (_, at) => `${at}`.padEnd(32, 's'));
    const reason = char.repeat(5_000);
    const many = Number.MAX_SAFE_INTEGER;
    const longest: Partial<Local> = {
      ...{ tenant: id, workload: id, instance, epoch: many, attempt: many, restarts: many },
      ...{ state: 'backing-off', message: reason, lastEnd: { at: scene.now, message: reason } },
      ...{ pid: 4_194_304, exitCode: 255, signal: 'S'.repeat(16), startedAt: scene.now },
    };
    const name = `${id}.${instance}`;
    for (const sidecar of sidecars) {
      scene.state.local.set(`${name}.${sidecar}`, local({ ...longest, sidecar }));
    }
    const port = (_: unknown, at: number) => [`p${at}`.padEnd(15, 'p'), 65_535] as const;
    const ports = Object.fromEntries(Array.from({ length: PORTS_MAX }, port));
    change(scene, name, local({ ...longest, sidecars, ports, address: 'a'.repeat(255) }));
    const value = { ...(puts(tell(scene))[0]?.value as Observed), node: id };
    expect(observedRecord.schema.safeParse(value).success).toBe(true);
    expect(value.sidecars?.every(({ message }) => message?.startsWith(char))).toBe(true);
    expect(() => encode(observedRecord, value)).not.toThrow();
  });

  test('of what is gone is deleted', () => {
    const scene = new Scene();
    said(scene.state, 'default.web-1', local(), scene.now);
    expect(puts(tell(scene))).toMatchObject([{ value: null, expected: 'own' }]);
  });
});

describe('what was said', () => {
  test('is crossed off when it is confirmed, and not said again', () => {
    const scene = new Scene();
    change(scene, 'default.web-1', local());
    const effects = tell(scene);
    expect(confirmed(scene.state, memo(effects))).toEqual([]);
    expect(tell(scene)).toEqual([]);
  });

  test('and not confirmed is said again after a while', () => {
    const scene = new Scene();
    change(scene, 'default.web-1', local());
    expect(delayOf(tell(scene), 'say')).toBe(3_000);
    expect(puts(tell(scene))).toHaveLength(1);
  });

  test('and changed meanwhile is said again at once', () => {
    const scene = new Scene();
    change(scene, 'default.web-1', local());
    const first = tell(scene);
    change(scene, 'default.web-1', local({ isReady: false }));
    expect(delayOf(confirmed(scene.state, memo(first)), 'say')).toBe(0);
    expect(puts(tell(scene))).toMatchObject([{ value: { isReady: false } }]);
  });

  test('is at most 200 at a time; the rest follows', () => {
    const scene = new Scene();
    for (let at = 0; at < 450; at++)
      change(scene, `default.web-${at}`, local({ instance: `web-${at}` }));
    const counts: number[] = [];
    for (;;) {
      const effects = tell(scene);
      if (effects.length === 0) break;
      counts.push(puts(effects).length);
      confirmed(scene.state, memo(effects));
    }
    expect(counts).toEqual([200, 200, 50]);
  });
});

test('however changes and confirmations interleave, the store ends with the newest', () => {
  const happening = fc.oneof(
    fc.constant('change' as const),
    fc.constant('say' as const),
    fc.constant('lost' as const),
    fc.constant('confirm' as const),
  );
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 40 }), (all) => {
      const scene = new Scene();
      const flying: Effects[] = [];
      let stored: unknown;
      let restarts = -1;
      for (const what of [...all, 'say', 'confirm'] as const) {
        if (what === 'change') change(scene, 'default.web-1', local({ restarts: ++restarts }));
        if (what === 'say') flying.push(tell(scene));
        if (what === 'lost') flying.shift();
        if (what === 'confirm') {
          for (const effects of flying.splice(0)) {
            stored = puts(effects)[0]?.value ?? stored;
            confirmed(scene.state, memo(effects));
          }
        }
      }
      expect(scene.state.unsaid.size).toBe(0);
      if (restarts >= 0) expect(stored).toMatchObject({ restarts });
    }),
  );
});
