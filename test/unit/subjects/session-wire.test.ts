/** What callers of the gateway say in a session, and hear: any bytes, and nothing that is none of it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  binaryMessage,
  type Channel,
  callerNote,
  channels,
  gatewayNote,
  readBinary,
  readNote,
} from '../../../subjects/index.ts';

test('bytes come back as they were, on their channel', () => {
  const names = Object.keys(channels) as Channel[];
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.uint8Array(), (channel, bytes) => {
      expect(readBinary(binaryMessage(channel, bytes))).toEqual({ channel, bytes });
    }),
  );
});

test.each([[new Uint8Array(0)], [Uint8Array.of(3, 1)], [Uint8Array.of(255)]])(
  'a message of no channel is none: %s',
  (message) => {
    expect(readBinary(message)).toBeUndefined();
  },
);

test('a note is one of its forms, or none', () => {
  expect(readNote(callerNote, '{"size":{"columns":80,"rows":24},"signal":"INT"}')).toEqual({
    ...{ size: { columns: 80, rows: 24 }, signal: 'INT' },
  });
  for (const text of ['', 'x', '1', '{"size":{"columns":0,"rows":1}}', '{"signal":"STOP"}']) {
    expect(readNote(callerNote, text), text).toBeUndefined();
  }
  // What a newer gateway says beside it is left out.
  expect(readNote(gatewayNote, '{"ended":{"exitCode":3},"x":1}')).toEqual({
    ended: { exitCode: 3 },
  });
});
