/**
 * Makes sure that what the HTTP API says in JSON is said in messages: fields are typed by the
 * contract, times become timestamps, what is open a Struct; and the reverse for what is asked.
 */
import type { Field, Type } from 'protobufjs';

export type Json = Readonly<Record<string, unknown>>;

const WELL_KNOWN = 'google.protobuf.';

/** Bytes of the message that says what some JSON says. Fields the contract lacks are left out. */
export function encodeJson(type: Type, json: unknown): Uint8Array {
  return type.encode(messageOf(type, json as Json) as Json).finish();
}

/** JSON that says what a message says. Throws for bytes that are none. */
export function decodeJson(type: Type, bytes: Uint8Array): Json {
  return jsonOf(type, type.decode(bytes) as unknown as Json);
}

function messageOf(type: Type, json: Json): Json {
  const known = type.fieldsArray.filter(({ name }) => json[name] !== undefined);
  return Object.fromEntries(
    known.map((field) => [field.name, each(field, json[field.name], (one) => toField(field, one))]),
  );
}

function toField(field: Field, value: unknown): unknown {
  const type = messageTypeOf(field);
  if (!type) return value;
  return (toWellKnown[type.fullName.slice(1)] ?? ((json) => messageOf(type, json as Json)))(value);
}

function jsonOf(type: Type, message: Json): Json {
  const entries = type.fieldsArray.flatMap((field): [string, unknown][] => {
    if (!Object.hasOwn(message, field.name)) {
      // Zero is not sent. Only an optional field, a list or a message can be absent.
      return hasPresence(field) ? [] : [[field.name, zeroOf(field)]];
    }
    // So is nothing in a list: what may be left out is not there then, and not there empty.
    if (isEmpty(field, message[field.name])) return [];
    const from = (one: unknown): unknown => fromField(field, one);
    return [[field.name, each(field, message[field.name], from)]];
  });
  return Object.fromEntries(entries);
}

function fromField(field: Field, value: unknown): unknown {
  const type = messageTypeOf(field);
  if (!type) return isLong(value) ? value.toNumber() : value;
  return (fromWellKnown[type.fullName.slice(1)] ?? ((one) => jsonOf(type, one as Json)))(value);
}

/** Each one of a list or a map, or the one value. */
function each(field: Field, value: unknown, change: (one: unknown) => unknown): unknown {
  if (field.repeated) return (value as readonly unknown[]).map(change);
  if (!field.map) return change(value);
  return Object.fromEntries(
    Object.entries(value as object).map(([key, one]) => [key, change(one)]),
  );
}

function messageTypeOf({ resolvedType }: Field): Type | undefined {
  return resolvedType && 'fieldsArray' in resolvedType ? resolvedType : undefined;
}

function hasPresence(field: Field): boolean {
  const isOptional = field.options?.['proto3_optional'] === true;
  return isOptional || field.repeated || field.map || messageTypeOf(field) !== undefined;
}

function isEmpty(field: Field, value: unknown): boolean {
  return (field.repeated || field.map) && Object.keys(value as object).length === 0;
}

function zeroOf({ type }: Field): unknown {
  return type === 'string' ? '' : type === 'bool' ? false : 0;
}

/** An integer of 64 bits, as protobufjs reads it. */
function isLong(value: unknown): value is { toNumber(): number } {
  return typeof value === 'object' && value !== null && 'toNumber' in value;
}

const toWellKnown: Readonly<Record<string, (json: unknown) => unknown>> = {
  [`${WELL_KNOWN}Timestamp`]: (text) => {
    const atMs = Date.parse(String(text));
    const seconds = Math.floor(atMs / 1000);
    return { seconds, nanos: (atMs - seconds * 1000) * 1_000_000 };
  },
  [`${WELL_KNOWN}Struct`]: (json) => toStruct(json as Json),
  [`${WELL_KNOWN}Value`]: toValue,
};

const fromWellKnown: Readonly<Record<string, (message: unknown) => unknown>> = {
  [`${WELL_KNOWN}Struct`]: (message) => fromStruct(message as Struct),
  [`${WELL_KNOWN}Value`]: (message) => fromValue(message as Value),
};

interface Struct {
  readonly fields?: Readonly<Record<string, Value>>;
}
type Value = Readonly<Record<string, unknown>>;

function toStruct(json: Json): Struct {
  const kept = Object.entries(json).filter(([, value]) => value !== undefined);
  return { fields: Object.fromEntries(kept.map(([key, value]) => [key, toValue(value)])) };
}

function toValue(json: unknown): Value {
  if (json === null || json === undefined) return { nullValue: 0 };
  if (typeof json === 'string') return { stringValue: json };
  if (typeof json === 'number') return { numberValue: json };
  if (typeof json === 'boolean') return { boolValue: json };
  if (Array.isArray(json)) return { listValue: { values: json.map(toValue) } };
  return { structValue: toStruct(json as Json) };
}

function fromStruct({ fields = {} }: Struct): Json {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, fromValue(value)]));
}

function fromValue(value: Value): unknown {
  for (const plain of ['stringValue', 'numberValue', 'boolValue']) {
    if (Object.hasOwn(value, plain)) return value[plain];
  }
  if (Object.hasOwn(value, 'structValue')) return fromStruct(value['structValue'] as Struct);
  if (!Object.hasOwn(value, 'listValue')) return null;
  const { values = [] } = value['listValue'] as { readonly values?: readonly Value[] };
  return values.map(fromValue);
}
