/**
 * Reads what is in the store once for all processes of a world. What was read is frozen: a step
 * that edits a value of its view throws, and the storm tells.
 */
import type { Read } from '../../actors/runtime/views.ts';
import { type Decoded, decode, type PayloadOf, type RecordContract } from '../../subjects/index.ts';

const known = new WeakMap<Uint8Array, { record: RecordContract; decoded: Decoded<unknown> }>();

/** Decodes bytes of the store, each only once. */
export const readOnce: Read = (record, body) => {
  const before = known.get(body);
  if (before?.record === record) return before.decoded;
  const decoded = decode(record, body);
  if (decoded.ok) freeze(decoded.value);
  known.set(body, { record, decoded });
  return decoded;
};

/** The same, for callers that know the type. */
export function readAs<C extends RecordContract>(
  record: C,
  body: Uint8Array,
): Decoded<PayloadOf<C>> {
  return readOnce(record, body) as Decoded<PayloadOf<C>>;
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  // Plain data: without the list that Object.values would make of each object.
  for (const name in value) freeze((value as Readonly<Record<string, unknown>>)[name]);
}
