/** Two sides of a session on a bus that can be cut: what one says the other hears, and both end. */
import { beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../actors/runtime/memory/clock.ts';
import type { Bus, Outgoing } from '../../../actors/runtime/ports.ts';
import { BEAT_MS, SILENCE_MS } from '../../../actors/runtime/sessions/flow.ts';
import { SessionPeer } from '../../../actors/runtime/sessions/peer.ts';
import {
  type Refusal,
  SESSION_WINDOW,
  type SessionIn,
  type SessionOut,
} from '../../../subjects/index.ts';

/** A bus that delivers at once what it is not told to lose. */
class SmallBus implements Pick<Bus, 'publish' | 'subscribe'> {
  readonly #listeners = new Map<string, Set<(message: Outgoing) => void>>();
  lost: (message: Outgoing) => boolean = () => false;
  said: string[] = [];

  publish(message: Outgoing): void {
    this.said.push(message.subject);
    if (this.lost(message)) return;
    for (const each of this.#listeners.get(message.subject) ?? []) each(message);
  }

  subscribe(subject: string, _queue: string | undefined, receive: (message: Outgoing) => void) {
    const all = this.#listeners.get(subject) ?? new Set();
    this.#listeners.set(subject, all.add(receive));
    return () => void all.delete(receive);
  }

  get open(): number {
    return [...this.#listeners.values()].reduce((sum, each) => sum + each.size, 0);
  }
}

let bus: SmallBus;
let clock: FakeClock;
let opener: SessionPeer<SessionIn>;
let carrier: SessionPeer<SessionOut>;
let heard: SessionOut[];
let told: SessionIn[];
let over: Record<'opener' | 'carrier', { because: Refusal | undefined }[]>;
let takes: boolean;
let untaken: (() => void)[];

beforeEach(() => {
  bus = new SmallBus();
  clock = new FakeClock();
  [heard, told, untaken, takes] = [[], [], [], true];
  over = { opener: [], carrier: [] };
  const ports = { bus: bus as unknown as Bus, clock };
  const place = { node: 'n1', session: 'session-1' };
  opener = SessionPeer.opener(ports, place, {
    frame: (frame, taken) => {
      heard.push(frame);
      if (takes) taken();
      else untaken.push(taken);
    },
    over: (because) => over.opener.push({ because }),
  });
  carrier = SessionPeer.carrier(ports, place, {
    frame: (frame, taken) => {
      told.push(frame);
      taken();
    },
    over: (because) => over.carrier.push({ because }),
  });
});

const begin = (): void => {
  carrier.begin(SESSION_WINDOW);
  opener.begin(SESSION_WINDOW);
};
const text = () => Buffer.concat(heard.map(({ bytes }) => bytes ?? Buffer.alloc(0))).toString();
const codes = () => ({
  opener: over.opener.map(({ because }) => because?.code ?? 'done'),
  carrier: over.carrier.map(({ because }) => because?.code ?? 'done'),
});

describe('a session', () => {
  test('carries both ways what is said, in order, with its marks, and ends as it should', async () => {
    begin();
    await opener.send(Buffer.from('one'));
    opener.mark({ isEnd: true });
    opener.urge({ signal: 'INT' });
    expect(told.map(({ bytes, ...rest }) => ({ ...rest, text: bytes && `${bytes}` }))).toEqual([
      { sequence: 1, text: 'one' },
      { sequence: 2, isEnd: true },
      { sequence: 3, signal: 'INT' },
    ]);
    await carrier.send(Buffer.from('two'), { isError: true });
    carrier.mark({ ended: { exitCode: 3 } });
    expect(heard).toMatchObject([{ isError: true }, { ended: { exitCode: 3 } }]);
    opener.end();
    expect(codes()).toEqual({ opener: ['done'], carrier: ['done'] });
    expect(bus.open).toBe(0);
    expect(clock.nextAt).toBeUndefined();
  });

  test('goes on for as long as both live, however little is said', () => {
    begin();
    clock.advance(20 * SILENCE_MS);
    expect(codes()).toEqual({ opener: [], carrier: [] });
  });

  test('waits where nothing is taken, and goes on where it was', async () => {
    begin();
    takes = false;
    let isSaid = false;
    const much = Buffer.alloc(2 * SESSION_WINDOW, 'x');
    void carrier.send(much).then(() => {
      isSaid = true;
    });
    await Promise.resolve();
    expect([text().length, isSaid]).toEqual([SESSION_WINDOW, false]);
    // What ends it comes after what waits.
    carrier.mark({ ended: {} });
    clock.advance(20 * SILENCE_MS);
    expect(text().length).toBe(SESSION_WINDOW);
    takes = true;
    for (const taken of untaken.splice(0)) taken();
    expect([text().length, heard.at(-1)?.ended]).toEqual([much.length, {}]);
  });

  test('says nothing before the other side has answered, and is not taken for silent', () => {
    void opener.send(Buffer.from('x'));
    clock.advance(10 * SILENCE_MS);
    expect([bus.said, codes().opener]).toEqual([[], []]);
  });
});

describe('both sides end', () => {
  test('when one has a reason, with that reason', () => {
    begin();
    carrier.end({ code: 'session-over', detail: 'the agent stops' });
    expect(over.opener).toMatchObject([
      { because: { code: 'session-over', detail: 'the agent stops' } },
    ]);
    opener.end();
    expect(codes()).toEqual({ opener: ['session-over'], carrier: ['session-over'] });
  });

  test('within seconds when nothing comes through any more', () => {
    begin();
    clock.advance(BEAT_MS);
    bus.lost = () => true;
    clock.advance(SILENCE_MS - 2 * BEAT_MS);
    expect(codes()).toEqual({ opener: [], carrier: [] });
    clock.advance(3 * BEAT_MS);
    expect(codes()).toEqual({ opener: ['session-lost'], carrier: ['session-lost'] });
    expect(bus.open).toBe(0);
  });

  test('when a frame is lost, at the latest with the next beat, and nothing after it is heard', async () => {
    begin();
    await carrier.send(Buffer.from('one'));
    bus.lost = ({ subject }) => subject.endsWith('.out');
    await carrier.send(Buffer.from('two'));
    bus.lost = () => false;
    clock.advance(BEAT_MS);
    expect(text()).toBe('one');
    expect(codes()).toEqual({ opener: ['session-broken'], carrier: ['session-broken'] });
  });

  test('when something comes that nobody can read', () => {
    begin();
    const body = Buffer.from('rubbish');
    bus.publish({ subject: 'shoal.session.n1.session-1.in', body, headers: {} });
    expect(codes()).toEqual({ opener: ['session-broken'], carrier: ['session-broken'] });
  });

  test('and whoever waits to say something waits no longer', async () => {
    begin();
    takes = false;
    const waiting = carrier.send(Buffer.alloc(2 * SESSION_WINDOW));
    opener.end();
    await waiting;
    await carrier.send(Buffer.from('late'));
    expect(codes()).toEqual({ opener: ['done'], carrier: ['done'] });
  });
});
