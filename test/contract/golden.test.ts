/**
 * What travelled yesterday is understood today: for each contract one sample as it was encoded
 * when it was last changed on purpose, and the JSON Schema of what it carries.
 *
 * A new optional key is compatible. Anything else breaks agents and stored records that are still
 * of the old form: it wants a new subject, or readers that take both.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { type JsonSchema, payloadSchema, replySchema } from '../../docs/generate/schema.ts';
import {
  address,
  answerSchema,
  type Contract,
  decode,
  encode,
  messages,
  records,
} from '../../subjects/index.ts';
import type { Sample } from '../support/sample.ts';
import { samples } from '../support/samples.ts';

const folder = new URL('golden/', import.meta.url);
const isWriting = process.env['GOLDEN'] === 'write';
const purpose =
  'a contract has changed. If that is on purpose and old agents and records are still understood, ' +
  'write the samples anew with `GOLDEN=write npx vitest run --project contract golden` and say ' +
  'in the commit why it is safe';

/** Bytes as a person can read them in a diff. */
type Bytes = { readonly text: string } | { readonly hex: string };

interface Golden {
  readonly contract: string;
  readonly subject: string;
  readonly codec: string;
  readonly value: unknown;
  readonly bytes: Bytes;
  readonly schema: JsonSchema;
  readonly answer?: { readonly value: unknown; readonly bytes: Bytes; readonly schema: JsonSchema };
}

const all: readonly Contract[] = [...messages, ...records];

function fileOf(contract: Contract): URL {
  return new URL(`${contract.name}.json`, folder);
}

function readable(contract: Contract, bytes: Uint8Array): Bytes {
  return contract.codec === 'json'
    ? { text: new TextDecoder().decode(bytes) }
    : { hex: Buffer.from(bytes).toString('hex') };
}

/** As it stands in a file: bytes are an object there. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function raw(bytes: Bytes): Uint8Array {
  return 'text' in bytes ? new TextEncoder().encode(bytes.text) : Buffer.from(bytes.hex, 'hex');
}

/** How answers travel: the value or a refusal, in the contract's codec. */
function answerOf(contract: Extract<Contract, { kind: 'request' }>) {
  const schema = answerSchema(contract.reply);
  return { name: contract.name, codec: contract.codec, bytesMax: 2 ** 20, schema };
}

function goldenOf({ contract, tokens, value, reply }: Sample): Golden {
  const golden: Golden = {
    contract: contract.name,
    subject: address(contract, tokens as never),
    codec: contract.codec,
    value,
    bytes: readable(contract, encode(contract, value)),
    schema: payloadSchema(contract),
  };
  if (contract.kind !== 'request') return golden;
  const answered = { ok: true, value: reply };
  const bytes = readable(contract, encode(answerOf(contract), answered));
  return { ...golden, answer: { value: answered, bytes, schema: replySchema(contract) } };
}

beforeAll(async () => {
  if (!isWriting) return;
  for (const sample of samples) {
    const text = `${JSON.stringify(goldenOf(sample), null, 2)}\n`;
    await writeFile(fileOf(sample.contract), text);
  }
});

test('every contract has one sample, and nothing else has', async () => {
  const sampled = samples.map((each) => each.contract.name).sort();
  expect(sampled).toEqual(all.map((contract) => contract.name).sort());
  const files = new Set(await readdir(folder));
  expect(files).toEqual(new Set(sampled.map((name) => `${name}.json`)));
});

describe.each(samples.map((sample) => [sample.contract.name, sample] as const))(
  '%s',
  (_, sample) => {
    const { contract } = sample;
    let golden: Golden;

    beforeAll(async () => {
      golden = JSON.parse(await readFile(fileOf(contract), 'utf8')) as Golden;
    });

    test('bytes of then are understood now', () => {
      const decoded = decode(contract, raw(golden.bytes));
      expect(plain(decoded), purpose).toEqual({ ok: true, value: golden.value });
      if (contract.kind !== 'request') return;
      const answer = decode(answerOf(contract), raw(golden.answer?.bytes as Bytes));
      expect(answer, purpose).toEqual({ ok: true, value: golden.answer?.value });
    });

    test('subject and codec are those of then', () => {
      expect(address(contract, sample.tokens as never), purpose).toBe(golden.subject);
      expect(contract.codec, purpose).toBe(golden.codec);
    });

    test('what is encoded now are the bytes of then', () => {
      const now = goldenOf(sample);
      expect(plain(now.value), purpose).toEqual(golden.value);
      expect(now.bytes, purpose).toEqual(golden.bytes);
      expect(now.answer?.bytes, purpose).toEqual(golden.answer?.bytes);
    });

    test('a key it does not know yet is no error: kept in a record, left out elsewhere', () => {
      const later = { ...(sample.value as object), keyOfALaterVersion: 1 };
      const value = contract.kind === 'record' ? later : golden.value;
      expect(plain(decode(contract, encode(contract, later)))).toEqual({
        ok: true,
        value: plain(value),
      });
    });

    test('its JSON Schema is the one of then', () => {
      expect(payloadSchema(contract), purpose).toEqual(golden.schema);
      if (contract.kind !== 'request') return;
      expect(replySchema(contract), purpose).toEqual(golden.answer?.schema);
    });
  },
);
