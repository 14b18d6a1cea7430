/**
 * What another version says is understood, and what this one says is understood there: the samples
 * and schemas of every released protocol are frozen in `protocol/<n>/` and never edited (decision 15).
 *
 * `FREEZE=write npx vitest run --project contract protocol` adds the contracts of the current
 * protocol that are not frozen yet: run it at each release. What is there is never written again.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type JsonSchema, payloadSchema, replySchema } from '../../docs/generate/schema.ts';
import {
  answerSchema,
  type Contract,
  decode,
  encode,
  messages,
  PROTOCOL,
  type Role,
  records,
} from '../../subjects/index.ts';
import type { Sample } from '../support/sample.ts';
import { samples } from '../support/samples.ts';
import { incompatibleChanges, type Use } from '../support/schema-changes.ts';

interface Frozen {
  readonly contract: string;
  readonly kind: Contract['kind'];
  readonly subject: string;
  readonly codec: Contract['codec'];
  readonly bytesMax: number;
  readonly from: readonly Role[];
  readonly to: readonly Role[];
  /** The sample as it travelled, and as it was read. */
  readonly body: string;
  readonly value: unknown;
  readonly schema: JsonSchema;
  readonly answer?: { readonly value: unknown; readonly schema: JsonSchema };
}

/**
 * First steps: changes, as the comparison words them, that this protocol reads and does not write
 * yet. The next one may write them; this list is empty again then.
 */
const firstSteps: readonly { readonly contract: string; readonly change: string }[] = [];

const folder = new URL('protocol/', import.meta.url);
const all: readonly Contract[] = [...messages, ...records];
const contractOf = (name: string): Contract | undefined => all.find((each) => each.name === name);
const sampleOf = (name: string): Sample | undefined =>
  samples.find((each) => each.contract.name === name);

function frozenOf({ contract, value, reply }: Sample): Frozen {
  const { name, kind, subject, codec, bytesMax, from, to } = contract;
  const frozen: Frozen = {
    ...{ contract: name, kind, subject: subject.pattern, codec, bytesMax, from, to },
    body: Buffer.from(encode(contract, value)).toString('base64'),
    value,
    schema: payloadSchema(contract),
  };
  if (contract.kind !== 'request') return frozen;
  return { ...frozen, answer: { value: reply, schema: replySchema(contract) } };
}

function freeze(): void {
  const own = new URL(`${PROTOCOL}/`, folder);
  mkdirSync(own, { recursive: true });
  for (const sample of samples) {
    const file = new URL(`${sample.contract.name}.json`, own);
    if (existsSync(file)) continue;
    writeFileSync(file, `${JSON.stringify(frozenOf(sample), null, 2)}\n`);
  }
}

if (process.env['FREEZE'] === 'write') freeze();

const versions = readdirSync(folder).map(Number);
const frozen = versions.flatMap((version) => {
  const own = new URL(`${version}/`, folder);
  return readdirSync(own).map((file): [string, number, Frozen] => {
    const text = readFileSync(new URL(file, own), 'utf8');
    return [`${version}/${file}`, version, JSON.parse(text) as Frozen];
  });
});

/** Whether programs that speak it may still be there. Records are read in every form there was. */
const isNear = (version: number): boolean => version >= PROTOCOL - 1;

const advice = (what: string): string =>
  `${what} is not as it was frozen. Programs of two versions run ` +
  'side by side during an upgrade: add an optional field or a new contract instead, or take two ' +
  'steps (docs/decisions/0015-one-version-apart.md). Never edit what is frozen';

/** A schema as a reader takes it that reads past what it does not know. */
function reading(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(reading);
  if (typeof schema !== 'object' || schema === null) return schema;
  const of = Object.entries(schema).filter(
    ([name, value]) => !(name === 'additionalProperties' && value === false),
  );
  return Object.fromEntries(of.map(([name, value]) => [name, reading(value)]));
}

const schemaIn = (schema: JsonSchema) => z.fromJSONSchema(reading(schema) as never);

/** Changes that are no first step. What was released under this protocol's number has none. */
function unannounced(then: Frozen, version: number, changes: readonly string[]): readonly string[] {
  const isStep = (change: string): boolean =>
    firstSteps.some((step) => step.contract === then.contract && step.change === change);
  return changes.filter((change) => version === PROTOCOL || !isStep(change));
}

test('what is frozen is there: every version up to this one, each with its contracts', () => {
  expect(versions.toSorted((one, other) => one - other)).toEqual(
    Array.from({ length: PROTOCOL }, (_, index) => index + 1),
  );
  expect(frozen.length).toBeGreaterThan(25 * PROTOCOL);
});

describe.each(frozen)('%s', (_, version, then) => {
  const contract = contractOf(then.contract);
  const sample = sampleOf(then.contract);
  if (!contract && !isNear(version)) return;

  test('is there, under its subject, in its codec, for those who had it', () => {
    expect(contract, advice(then.contract)).toBeDefined();
    expect(contract, advice(then.contract)).toMatchObject({
      ...{ kind: then.kind, codec: then.codec, subject: { pattern: then.subject } },
      from: expect.arrayContaining([...then.from]),
      to: expect.arrayContaining([...then.to]),
    });
    expect(contract?.bytesMax, advice('its size limit')).toBeGreaterThanOrEqual(then.bytesMax);
  });

  test('the sample of then is read now, and means what it did', () => {
    if (!contract || !(contract.kind === 'record' || isNear(version))) return;
    const decoded = decode(contract, Buffer.from(then.body, 'base64'));
    expect(decoded.ok, advice(then.contract)).toBe(true);
    expect(decoded, advice(then.contract)).toMatchObject({ ok: true, value: then.value as object });
    if (contract.kind !== 'request') return;
    const answer = { ok: true, value: then.answer?.value };
    expect(answerSchema(contract.reply).safeParse(answer).success, advice('the answer')).toBe(true);
  });

  test('what is said now is understood by the program of then', () => {
    if (!contract || !sample || !isNear(version)) return;
    const said = decode(contract, encode(contract, sample.value));
    const value = said.ok ? said.value : undefined;
    expect(schemaIn(then.schema).safeParse(value).error, advice(then.contract)).toBeUndefined();
    if (contract.kind !== 'request' || !then.answer) return;
    const read = schemaIn(then.answer.schema).safeParse(sample.reply);
    expect(read.error, advice('the answer')).toBeUndefined();
  });

  test('has changed in no way that the other version would stumble over', () => {
    if (!contract || !isNear(version)) return;
    const use: Use = contract.kind === 'request' || contract.kind === 'work' ? 'ask' : 'told';
    const changes = incompatibleChanges(then.schema, payloadSchema(contract), use);
    expect(unannounced(then, version, changes), advice(then.contract)).toEqual([]);
    if (contract.kind !== 'request' || !then.answer) return;
    const answers = incompatibleChanges(then.answer.schema, replySchema(contract), 'told');
    expect(unannounced(then, version, answers), advice('the answer')).toEqual([]);
  });
});

describe('a change', () => {
  const before = z.object({
    name: z.string().max(10),
    state: z.enum(['on', 'off']),
    count: z.number().int().min(1).optional(),
    parts: z.array(z.object({ id: z.string() })),
  });
  const changes = (after: z.ZodObject, use: Use = 'told') =>
    incompatibleChanges(
      z.toJSONSchema(before, { target: 'draft-7' }) as JsonSchema,
      z.toJSONSchema(after, { target: 'draft-7' }) as JsonSchema,
      use,
    );

  test('that adds an optional field, at any depth, or words, is compatible', () => {
    const parts = z.array(z.object({ id: z.string(), more: z.string().optional() }));
    const after = before.extend({ more: z.object({ a: z.string() }).optional(), parts });
    expect(changes(after)).toEqual([]);
    expect(changes(before.describe('in other words'))).toEqual([]);
  });

  const named = before.omit({ name: true }).extend({ title: z.string().max(10).optional() });
  test.each<[string, z.ZodObject, string]>([
    ['renames a field', named, 'value.name is gone or has another name'],
    ['needs a new field', before.extend({ x: z.string() }), 'value.x is new and required'],
    ['needs an old one', before.required({ count: true }), 'value.count is required now'],
    [
      'drops a field that was always there',
      before.partial({ name: true }),
      'value.name was always there and may be missing now',
    ],
    [
      'tightens a limit',
      before.extend({ name: z.string().max(5) }),
      'value.name: maxLength was 10 and is 5',
    ],
    [
      'widens a limit',
      before.extend({ name: z.string().max(50) }),
      'value.name: maxLength was 10 and is 50',
    ],
    [
      'adds to a closed list',
      before.extend({ state: z.enum(['on', 'off', 'dim']) }),
      'value.state: "dim" is new in a closed list',
    ],
    ['takes from a list', before.extend({ state: z.enum(['on']) }), 'value.state: "off" is gone'],
    [
      'makes it another type',
      before.extend({ name: z.number() }),
      'value.name: type was "string" and is "number"',
    ],
    [
      'changes something deep down',
      before.extend({ parts: z.array(z.object({ id: z.string().max(3) })) }),
      'value.parts.[].id: maxLength was not said and is 3',
    ],
  ])('that %s is found, with its place', (_, after, sentence) => {
    expect(changes(after)).toContain(sentence);
  });

  test('that makes an ask wider is compatible: what is not known there is refused', () => {
    const wider = { name: z.string().max(50), state: z.enum(['on', 'off', 'dim']) };
    expect(changes(before.extend(wider), 'ask')).toEqual([]);
    expect(changes(before.partial({ name: true }), 'ask')).toEqual([]);
    expect(changes(before.extend({ name: z.string().max(5) }), 'ask')).toHaveLength(1);
    expect(changes(before.extend({ x: z.string() }), 'ask')).toHaveLength(1);
    expect(changes(named, 'ask')).toHaveLength(1);
  });
});
