/**
 * Sessions as callers of the gateway speak them, over a WebSocket of this subprotocol: binary
 * messages are bytes after one byte that says of what, texts are JSON of one of these forms.
 * docs/how-to/reach-into-an-instance.md tells the same to those who write a client.
 */
import { z } from 'zod';
import { SESSION_CHUNK_MAX, sessionSignals, terminalSize } from './session.ts';

/** Name of the subprotocol; another one would be another name. */
export const SESSION_PROTOCOL = 'shoal.session.v1';
/** How often the gateway pings, in milliseconds: who hears nothing for three of them is alone. */
export const SESSION_PING_MS = 2_000;
/** Largest message either side takes, in bytes: a browser cuts nothing, so it may be a whole paste. */
export const SESSION_MESSAGE_MAX = 1_048_576;

/** Each side tells at least each so many bytes what it has taken: a quarter of what may be under way. */
export const SESSION_TOLD_BYTES = SESSION_CHUNK_MAX;

/** What the bytes of a binary message are: input of the command; its output; its error output. */
export const channels = { input: 0, output: 1, error: 2 } as const;
export type Channel = keyof typeof channels;

/** What a caller says beside bytes: any of it. */
export const callerNote = z.strictObject({
  /** Nothing more is written. */
  end: z.literal(true).optional(),
  size: terminalSize.optional(),
  signal: z.enum(sessionSignals).optional(),
  /** Bytes of output it has taken since the beginning; where it said that it would tell. */
  taken: z.number().int().min(0).optional(),
});
export type CallerNote = z.infer<typeof callerNote>;

/** What the gateway says beside bytes: one of these. After `ended` or `refused` it closes. */
export const gatewayNote = z.object({
  /** Nothing more is said by the other side of a connection. */
  end: z.literal(true).optional(),
  /** Bytes of input that were taken since the beginning; to a caller that tells the same. */
  taken: z.number().int().min(0).optional(),
  /** How it ended. */
  ended: z
    .object({
      exitCode: z.number().int().optional(),
      signal: z.string().optional(),
      message: z.string().optional(),
    })
    .optional(),
  /** Why it was ended: a code of the catalogue of refusals. */
  refused: z.object({ code: z.string(), detail: z.string() }).optional(),
});
export type GatewayNote = z.infer<typeof gatewayNote>;

/** A binary message. */
export function binaryMessage(channel: Channel, bytes: Uint8Array): Uint8Array {
  const message = new Uint8Array(bytes.length + 1);
  message[0] = channels[channel];
  message.set(bytes, 1);
  return message;
}

/** What is in a binary message; undefined: of a channel nobody knows, or nothing. */
export function readBinary(
  message: Uint8Array,
): { readonly channel: Channel; readonly bytes: Uint8Array } | undefined {
  const found = Object.entries(channels).find(([, number]) => number === message[0]);
  return found && { channel: found[0] as Channel, bytes: message.subarray(1) };
}

/** A text message, read; undefined: it is none of the forms. */
export function readNote<N>(schema: z.ZodType<N>, text: string): N | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
