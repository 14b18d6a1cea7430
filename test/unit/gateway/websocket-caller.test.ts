/** A caller of a session at its WebSocket: what counts as taken, and when it is gone. */
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { WebSocketCaller } from '../../../gateway/sessions/websocket.ts';
import {
  binaryMessage,
  SESSION_CHUNK_MAX,
  SESSION_PING_MS,
  SESSION_WINDOW,
} from '../../../subjects/index.ts';

/** A WebSocket whose connection takes what it is told to. */
class SmallSocket extends EventEmitter {
  readonly sent: string[] = [];
  readonly untaken: (() => void)[] = [];
  pings = 0;
  isTerminated = false;
  isPaused = false;

  send(data: Uint8Array | string, _options: object, done: () => void): void {
    this.sent.push(
      typeof data === 'string' ? data : `bytes ${Buffer.from(data).toString('latin1')}`,
    );
    this.untaken.push(done);
  }
  ping(): void {
    this.pings++;
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  close(): void {}
  terminate(): void {
    this.isTerminated = true;
    this.emit('close');
  }
}

let socket: SmallSocket;
let said: string[];
let release: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  socket = new SmallSocket();
  said = [];
});
afterEach(() => vi.useRealTimers());

function joined(tells: boolean): WebSocketCaller {
  const caller = new WebSocketCaller({ tells });
  caller.join(socket as unknown as WebSocket, {
    send: (bytes) => {
      said.push(String(Buffer.from(bytes)));
      return new Promise((resolve) => {
        release = resolve;
      });
    },
    mark: (marks) => void said.push(JSON.stringify(marks)),
    urge: (marks) => void said.push(JSON.stringify(marks)),
    end: () => void said.push('end'),
  });
  return caller;
}
const frame = (caller: WebSocketCaller, text: string, taken: () => void): void =>
  caller.frame({ sequence: 1, bytes: Buffer.from(text) }, taken);

describe('what a caller was sent', () => {
  test('is taken when its connection has taken it', () => {
    const taken = vi.fn();
    frame(joined(false), 'abc', taken);
    expect([socket.sent, taken.mock.calls.length]).toEqual([['bytes \u0001abc'], 0]);
    socket.untaken[0]?.();
    expect(taken).toHaveBeenCalledOnce();
  });

  test('is taken when it says so, where it said it would: frame by frame', () => {
    const [one, two] = [vi.fn(), vi.fn()];
    const caller = joined(true);
    frame(caller, 'abc', one);
    frame(caller, 'de', two);
    for (const each of socket.untaken) each();
    socket.emit('message', Buffer.from('{"taken":4}'), false);
    expect([one.mock.calls.length, two.mock.calls.length]).toEqual([1, 0]);
    socket.emit('message', Buffer.from('{"taken":5}'), false);
    expect(two).toHaveBeenCalledOnce();
  });

  test('waits where the WebSocket comes later', () => {
    const caller = new WebSocketCaller({ tells: false });
    frame(caller, 'early', () => undefined);
    expect(socket.sent).toEqual([]);
    caller.join(socket as unknown as WebSocket, {
      ...{ send: async () => undefined, mark: () => undefined, urge: () => undefined },
      end: () => undefined,
    });
    expect(socket.sent).toEqual(['bytes \u0001early']);
  });
});

describe('a caller', () => {
  test('that answers pings is there for as long as it likes, and one that does not is gone', () => {
    joined(true);
    socket.on('pong', () => undefined);
    for (let each = 0; each < 20; each++) {
      vi.advanceTimersByTime(SESSION_PING_MS);
      socket.emit('pong');
    }
    expect([socket.pings, socket.isTerminated, said]).toEqual([20, false, []]);
    vi.advanceTimersByTime(4 * SESSION_PING_MS);
    expect([socket.isTerminated, said]).toEqual([true, ['end']]);
  });

  test('whose input is not taken is not read, and not judged by pings meanwhile', async () => {
    joined(false);
    socket.emit('message', binaryMessage('input', Buffer.from('abc')), true);
    expect([socket.isPaused, said]).toEqual([true, ['abc']]);
    vi.advanceTimersByTime(20 * SESSION_PING_MS);
    expect(socket.isTerminated).toBe(false);
    release();
    await vi.advanceTimersByTimeAsync(0);
    expect(socket.isPaused).toBe(false);
  });

  test('whose messages came together is read on when all of them are on their way', async () => {
    const sends: (() => void)[] = [];
    joined(false);
    for (const each of ['a', 'b']) {
      socket.emit('message', binaryMessage('input', Buffer.from(each)), true);
      sends.push(release);
    }
    for (const [index, isPaused] of [true, false].entries()) {
      sends[index]?.();
      await vi.advanceTimersByTimeAsync(0);
      expect(socket.isPaused).toBe(isPaused);
    }
  });

  test('that tells is told what was taken of its input, and may not be further ahead', async () => {
    joined(true);
    const piece = Buffer.alloc(SESSION_CHUNK_MAX);
    socket.emit('message', binaryMessage('input', piece), true);
    expect([socket.isPaused, socket.sent]).toEqual([false, []]);
    release();
    await vi.advanceTimersByTimeAsync(0);
    expect(socket.sent).toEqual([JSON.stringify({ taken: SESSION_CHUNK_MAX })]);
    for (let each = 0; each <= SESSION_WINDOW / SESSION_CHUNK_MAX; each++) {
      socket.emit('message', binaryMessage('input', piece), true);
    }
    expect(socket.sent.at(-1)).toContain('sent ahead');
    expect(said.at(-1)).toBe('end');
  });

  test('that says what is none of it is told so, and its session ends', () => {
    joined(true);
    socket.emit('message', Buffer.from('[]'), false);
    expect(socket.sent[0]).toContain('request-malformed');
    expect(said).toEqual(['end']);
  });
});
