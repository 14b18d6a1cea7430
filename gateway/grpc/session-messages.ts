/** What is said in a session by gRPC (proto/shoal/v1/sessions.proto), as the gateway has it. Pure. */
import type { Type } from 'protobufjs';
import { z } from 'zod';
import {
  DEFAULT_TENANT,
  instanceId,
  SESSION_CHUNK_MAX,
  type SessionOut,
  sessionKinds,
  sessionSignals,
  sidecarName,
  tenantName,
  terminalSize,
} from '../../subjects/index.ts';
import { InvalidPartError } from '../http/error-refusal.ts';
import type { Wanted } from '../sessions/sessions.ts';
import type { Json } from './message.ts';

/** A terminal whose caller does not say how large it is: what terminals had. */
const USUAL_SIZE = { columns: 80, rows: 24 } as const;

const opening = z.strictObject({
  open: z
    .strictObject({
      tenant: tenantName.default(DEFAULT_TENANT),
      instance: instanceId,
      sidecar: sidecarName.optional(),
      ...sessionKinds,
    })
    .refine(
      ({ exec, forward, copy, attach }) => exec ?? forward ?? copy ?? attach,
      'exec, forward, copy or attach',
    ),
});

const input = z.strictObject({
  bytes: z
    .instanceof(Uint8Array)
    .refine((bytes) => bytes.length <= SESSION_CHUNK_MAX, `at most ${SESSION_CHUNK_MAX} bytes`)
    .optional(),
  end: z.boolean().optional(),
  size: terminalSize.optional(),
  signal: z.enum(sessionSignals).optional(),
});
export type SessionInput = z.infer<typeof input>;

/** What a caller says first. Throws InvalidPartError. */
export function openingIn(type: Type, bytes: Uint8Array): Wanted {
  const said = plain(type, bytes);
  const open = (said['open'] ?? undefined) as Json | undefined;
  return parsed(opening, { ...said, ...(open ? { open: asWanted(open) } : {}) }).open;
}

/** What it says afterwards. Throws InvalidPartError. */
export function inputIn(type: Type, bytes: Uint8Array): SessionInput {
  return parsed(input, plain(type, bytes));
}

/** The messages that say what a frame does, each with the bytes it carries. */
export function outputsOf(
  type: Type,
  { bytes, isError, isEnd, ended }: SessionOut,
): readonly Uint8Array[] {
  const said = [
    ...(bytes ? [isError ? { errorBytes: bytes } : { bytes }] : []),
    ...(isEnd ? [{ end: true }] : []),
    ...(ended ? [{ ended }] : []),
  ];
  return said.map((each) => type.encode(each).finish());
}

/** A message as an object with what was said, and nothing else. Throws for bytes that are none. */
function plain(type: Type, bytes: Uint8Array): Json {
  return type.toObject(type.decode(bytes));
}

/** A port is a name or a number, and a terminal has a size. */
function asWanted(open: Json): Json {
  const { exec, forward, ...rest } = open;
  const { terminal, ...command } = (exec ?? {}) as { readonly terminal?: Json };
  const { name, number } = (forward ?? {}) as Json;
  const sized = terminal && { terminal: { ...terminal, size: terminal['size'] ?? USUAL_SIZE } };
  return {
    ...rest,
    ...(exec ? { exec: { ...command, ...sized } } : {}),
    ...(forward ? { forward: { port: name ?? number } } : {}),
  };
}

function parsed<T>(schema: z.ZodType<T>, said: unknown): T {
  const found = schema.safeParse(said);
  if (found.success) return found.data;
  throw new InvalidPartError('body', found.error.issues);
}
