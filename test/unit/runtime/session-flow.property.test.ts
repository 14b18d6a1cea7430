/** One side of a session, and two of them with a network between: nothing twice, nothing lost. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Flow,
  type Frame,
  grant,
  hear,
  hearTold,
  newFlow,
  nextFrame,
  SILENCE_MS,
  silence,
  take,
  tell,
  urgentFrame,
} from '../../../actors/runtime/sessions/flow.ts';
import { SESSION_CHUNK_MAX } from '../../../subjects/index.ts';

const WINDOW = 2 * SESSION_CHUNK_MAX;

function offer(flow: Flow, bytes: Uint8Array): void {
  flow.waiting.push({ bytes, marks: {}, said: () => undefined });
}

/** Two sides: what one offers, the other hears and takes, in any interleaving. */
class Pair {
  readonly sender = newFlow(WINDOW, 0);
  readonly taker = newFlow(WINDOW, 0);
  readonly onTheWay: Frame[] = [];
  readonly toldOnTheWay: ReturnType<typeof tell>[] = [];
  readonly heard: Frame[] = [];
  readonly untaken: number[] = [];
  aheadMax = 0;

  constructor() {
    grant(this.sender, WINDOW, 0);
  }

  pump(): void {
    for (let frame = nextFrame(this.sender); frame; frame = nextFrame(this.sender)) {
      this.onTheWay.push(frame);
    }
    this.aheadMax = Math.max(this.aheadMax, this.sender.saidBytes - this.taker.takenBytes);
  }

  arrive(): void {
    const frame = this.onTheWay.shift();
    if (!frame) return;
    expect(hear(this.taker, frame, 0)).toBe('new');
    this.heard.push(frame);
    this.untaken.push(frame.bytes?.length ?? 0);
  }

  takeOne(): void {
    const bytes = this.untaken.shift();
    if (bytes !== undefined && take(this.taker, bytes)) this.toldOnTheWay.push(tell(this.taker));
  }

  toldArrives(): void {
    const told = this.toldOnTheWay.shift();
    if (told) expect(hearTold(this.sender, told, 0)).toBeUndefined();
    this.pump();
  }

  /** Everything under way comes to its end. */
  settle(): void {
    for (let round = 0; round < 10_000; round++) {
      this.pump();
      while (this.onTheWay.length > 0) this.arrive();
      while (this.untaken.length > 0) this.takeOne();
      if (this.sender.waiting.length === 0 && this.toldOnTheWay.length === 0) return;
      this.toldArrives();
    }
    throw new Error('it does not come to an end');
  }
}

const bytesOf = (frames: readonly Frame[]): Buffer =>
  Buffer.concat(frames.map(({ bytes }) => bytes ?? new Uint8Array(0)));

describe('what one side says', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('offer' as const), size: fc.nat(5 * SESSION_CHUNK_MAX) }),
      fc.record({ kind: fc.constantFrom('arrive' as const, 'take' as const, 'told' as const) }),
    ),
    { maxLength: 60 },
  );

  test('comes whole and in order, never more ahead than the window, whatever is slow', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const pair = new Pair();
        const offered: Uint8Array[] = [];
        let next = 0;
        for (const step of all) {
          if (step.kind === 'arrive') pair.arrive();
          else if (step.kind === 'take') pair.takeOne();
          else if (step.kind === 'told') pair.toldArrives();
          else if (step.kind === 'offer') {
            const bytes = Uint8Array.from({ length: step.size }, () => next++ % 251);
            offered.push(bytes);
            offer(pair.sender, bytes);
            pair.pump();
          }
        }
        pair.settle();
        expect(bytesOf(pair.heard).equals(Buffer.concat(offered))).toBe(true);
        expect(pair.aheadMax).toBeLessThanOrEqual(WINDOW);
        for (const { bytes } of pair.heard) {
          expect(bytes?.length ?? 0).toBeLessThanOrEqual(SESSION_CHUNK_MAX);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('waits until the other side has said what it takes, but for what has no bytes', () => {
    const flow = newFlow(WINDOW, 0);
    offer(flow, new Uint8Array(1));
    expect(nextFrame(flow)).toBeUndefined();
    expect(urgentFrame(flow, { signal: 'INT' })).toEqual({ sequence: 1, signal: 'INT' });
    grant(flow, 1, 0);
    expect(nextFrame(flow)).toMatchObject({ sequence: 2 });
  });
});

describe('what was lost on the way', () => {
  test('is missed, whichever frame it was, at the next one or at the next word of the other', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(), (count, which) => {
        const sender = newFlow(WINDOW, 0);
        const taker = newFlow(WINDOW, 0);
        grant(sender, WINDOW, 0);
        for (let each = 0; each < count; each++) offer(sender, Uint8Array.of(each));
        const lost = (which % count) + 1;
        const outcomes: unknown[] = [];
        for (let frame = nextFrame(sender); frame; frame = nextFrame(sender)) {
          if (frame.sequence !== lost) outcomes.push(hear(taker, frame, 0));
        }
        outcomes.push(hearTold(taker, tell(sender), 0));
        expect(outcomes).toContainEqual(expect.objectContaining({ code: 'session-broken' }));
        expect(taker.heard).toBe(lost - 1);
      }),
    );
  });

  test('and what comes again is left out', () => {
    const taker = newFlow(WINDOW, 0);
    const frame = { sequence: 1, bytes: Uint8Array.of(1) };
    expect([hear(taker, frame, 0), hear(taker, frame, 0)]).toEqual(['new', 'again']);
    expect(taker.heardBytes).toBe(1);
  });
});

describe('a side that does not keep to it', () => {
  test('by sending ahead of what was granted is found out', () => {
    const taker = newFlow(4, 0);
    expect(hear(taker, { sequence: 1, bytes: new Uint8Array(4) }, 0)).toBe('new');
    expect(hear(taker, { sequence: 2, bytes: new Uint8Array(1) }, 0)).toMatchObject({
      code: 'session-broken',
    });
  });

  test('by taking what was never sent is found out', () => {
    const sender = newFlow(WINDOW, 0);
    expect(hearTold(sender, { takenBytes: 1, sequence: 0 }, 0)).toMatchObject({
      code: 'session-broken',
    });
  });

  test('by silence is gone after a while, and one that says anything is not', () => {
    const flow = newFlow(WINDOW, 0);
    expect(silence(flow, SILENCE_MS - 1)).toBeUndefined();
    expect(silence(flow, SILENCE_MS)).toMatchObject({ code: 'session-lost' });
    hear(flow, { sequence: 1 }, 3_000);
    hearTold(flow, { takenBytes: 0, sequence: 1 }, 6_000);
    expect(silence(flow, SILENCE_MS + 5_999)).toBeUndefined();
  });
});
