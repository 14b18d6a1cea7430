/** Which sessions a node opens, and how often: once, however often it is asked. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Effects, ReplyTo } from '../../../actors/runtime/effect.ts';
import type { SessionReport } from '../../../edge-agent/jobs.ts';
import { reconcile, reportedOn } from '../../../edge-agent/runner.ts';
import {
  REMEMBERED_MAX,
  sessionAsked,
  sessionsListed,
  sessionsWanted,
  sessionTold,
  sessionUnwanted,
} from '../../../edge-agent/sessions.ts';
import {
  type Refusal,
  refusal,
  SESSIONS_PER_NODE_MAX,
  type SessionOpen,
} from '../../../subjects/index.ts';
import { entry, inputOf, jobsOf, NODE, Scene, spec } from './scene.ts';

const name = 'default.web-1';
const ports = { http: 28_001, admin: 28_002 };
let scene: Scene;

beforeEach(() => {
  scene = new Scene();
  const inside = [{ name: 'http', container: 80 }, { name: 'admin' }];
  scene.assign(spec({ driver: 'docker', image: 'app:1', ports: inside }));
  scene.list([entry()]);
  reconcile(scene.state, NODE, scene.context);
  const at = { pid: 7, address: '10.0.0.1', ports, at: scene.now };
  reportedOn(scene.state, { name, run: 1, kind: 'started', ...at }, scene.context);
});

const from: ReplyTo = { send: () => undefined };
const open = (more: Partial<SessionOpen> = {}, to: ReplyTo = from): Effects =>
  sessionAsked(NODE)(scene.state, {
    payload: {
      ...{ session: 'session-1', tenant: 'default', instance: 'web-1', windowBytes: 65_536 },
      ...{ exec: { command: ['sh'] } },
      ...more,
    },
    ...{ tokens: { node: NODE }, id: 'x', from: to },
  });
const told = (outcome: SessionReport) =>
  sessionTold(NODE)(scene.state, { outcome, memo: undefined });
const refusedWith = (effects: Effects): Refusal | undefined => {
  const [one] = effects;
  return one?.kind === 'reply' ? (one.answer as { readonly refusal?: Refusal }).refusal : undefined;
};

describe('a session', () => {
  test('is begun with the run that is there, and answered when it has begun', () => {
    const input = inputOf(open(), 'openSession');
    expect(input).toMatchObject({ session: 'session-1', name, run: 1, windowBytes: 65_536 });
    expect(input['of']).toEqual({ kind: 'exec', exec: { command: ['sh'] } });
    expect(told({ session: 'session-1', kind: 'begun' })).toMatchObject([
      { kind: 'reply', to: from, answer: { ok: true, value: { node: NODE } } },
    ]);
    expect(told({ session: 'session-1', kind: 'over' })).toEqual([]);
  });

  test('that copies files is begun with what is to be copied', () => {
    const copy = { direction: 'to', path: '/data' } as const;
    const input = inputOf(open({ exec: undefined, copy }), 'openSession');
    expect(input['of']).toEqual({ kind: 'copy', copy });
  });

  test('with the program itself is begun with the run that is there', () => {
    const input = inputOf(open({ exec: undefined, attach: {} }), 'openSession');
    expect(input).toMatchObject({ name, run: 1, of: { kind: 'attach' } });
  });

  test('that cannot be begun is refused with the reason', () => {
    open();
    const because = refusal('session-not-begun', 'no such program');
    expect(refusedWith(told({ session: 'session-1', kind: 'over', because }))).toEqual(because);
  });

  test('is begun once, however often it is asked for, also after its end', () => {
    open();
    const again: ReplyTo = { send: () => undefined };
    expect(open({}, again)).toEqual([]);
    expect(told({ session: 'session-1', kind: 'begun' })).toMatchObject([{ to: again }]);
    expect(open()).toMatchObject([{ kind: 'reply', answer: { ok: true } }]);
    told({ session: 'session-1', kind: 'over' });
    expect(refusedWith(open())?.code).toBe('session-over');
    for (let each = 0; each < REMEMBERED_MAX; each++) {
      open({ session: `session-x${each}` });
      told({ session: `session-x${each}`, kind: 'over' });
    }
    expect(scene.state.pastSessions.size).toBe(REMEMBERED_MAX);
    expect(scene.state.sessions.size).toBe(0);
  });

  test('with what is not here, or does not run, is refused', () => {
    expect(refusedWith(open({ instance: 'web-2' }))).toMatchObject({
      ...{ code: 'instance-not-running', detail: 'web-2 is not on this node' },
    });
    const exit = { exitCode: 0, signal: undefined, message: undefined };
    reportedOn(scene.state, { name, run: 1, kind: 'exited', ...exit }, scene.context);
    expect(refusedWith(open())?.detail).toMatch(/^web-1 is (backing-off|starting)$/);
  });

  test('of a kind this agent does not know is refused', () => {
    expect(refusedWith(open({ exec: undefined }))?.code).toBe('session-unsupported');
  });

  test('is one of so many at most', () => {
    for (let each = 0; each < SESSIONS_PER_NODE_MAX; each++) {
      expect(jobsOf(open({ session: `session-${each}` }))).toEqual(['openSession']);
    }
    expect(refusedWith(open({ session: 'one-too-many' }))?.code).toBe('sessions-at-limit');
    told({ session: 'session-7', kind: 'over' });
    expect(jobsOf(open({ session: 'one-in-its-place' }))).toEqual(['openSession']);
  });
});

describe('a connection', () => {
  const port = (wanted: string | number) =>
    open({ exec: undefined, forward: { port: wanted }, session: `to-port-${wanted}` });

  test.each([
    ['by name', 'admin', 28_002],
    ['by the number inside of its container', 80, 28_001],
    ['by its number on the machine', 28_002, 28_002],
  ])('goes to a port of its spec: %s', (_, wanted, number) => {
    const { of } = inputOf(port(wanted), 'openSession');
    expect(of).toEqual({ kind: 'forward', address: '10.0.0.1', port: number });
  });

  test.each([['ssh'], [22]])('goes to no other: %s', (wanted) => {
    expect(refusedWith(port(wanted))).toMatchObject({
      ...{
        code: 'session-not-begun',
        detail: `web-1 has no port ${wanted}; there are http, admin`,
      },
    });
  });
});

describe('sessions that are open', () => {
  const about = { tokens: { node: NODE }, id: 'x', from };
  const end = (payload: { tenant: string; session: string }) =>
    sessionUnwanted(NODE)(scene.state, { payload, ...about });

  test('are told by who carries them, to who asked', () => {
    const [asked] = sessionsWanted(scene.state, { payload: { tenant: 'default' }, ...about });
    expect(asked).toMatchObject({ kind: 'run', job: 'listSessions', input: { tenant: 'default' } });
    const one = {
      ...{ session: 'session-1', tenant: 'default', instance: 'web-1', kind: 'exec', what: 'sh' },
      ...{ openedAt: 1, saidBytes: 2, toldBytes: 3 },
    };
    const memo = asked?.kind === 'run' ? asked.memo : undefined;
    expect(sessionsListed(NODE)(scene.state, { outcome: [one], memo })).toMatchObject([
      { kind: 'reply', to: from, answer: { ok: true, value: { node: NODE, sessions: [one] } } },
    ]);
  });

  test('are known by what they were opened for, on one line, and by whom', () => {
    let opened = 0;
    const as = (more: Partial<SessionOpen>) =>
      inputOf(open({ exec: undefined, ...more, session: `session-${opened++}` }), 'openSession')[
        'as'
      ];
    expect(as({ exec: { command: ['sh', '-c', 'a\n\u001b[2Jb'] }, caller: '10.0.0.9' })).toEqual({
      ...{ tenant: 'default', instance: 'web-1', caller: '10.0.0.9' },
      ...{ kind: 'exec', what: 'sh -c a [2Jb' },
    });
    expect(as({ forward: { port: 'http' } })).toMatchObject({ kind: 'forward', what: 'port http' });
    expect(as({ copy: { direction: 'to', path: '/data' } })).toMatchObject({ what: 'to /data' });
    expect(as({ attach: {} })).toMatchObject({ kind: 'attach', what: '' });
    const long = as({ exec: { command: ['x'.repeat(8_000)] } });
    expect(long).toMatchObject({ what: 'x'.repeat(200) });
  });

  test('end when somebody of their tenant wants so, and once', () => {
    open();
    const other = end({ tenant: 'other', session: 'session-1' });
    expect(refusedWith(other)?.code).toBe('session-not-found');
    const effects = end({ tenant: 'default', session: 'session-1' });
    expect(effects).toMatchObject([
      { kind: 'run', job: 'endSession', input: 'session-1' },
      { kind: 'reply', to: from, answer: { ok: true } },
    ]);
    told({ session: 'session-1', kind: 'over' });
    const again = end({ tenant: 'default', session: 'session-1' });
    expect(refusedWith(again)?.code).toBe('session-not-found');
  });
});
