/** What is generated from the contracts describes all of them, and is what AsyncAPI allows. */
import specs from '@asyncapi/specs';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { asyncApiDocument } from '../../../docs/generate/asyncapi.ts';
import { subjectsDocument } from '../../../docs/generate/subjects.ts';
import { messages, records } from '../../../subjects/index.ts';

// The schema brings draft 7's own along; formats ("email", "uri") are left alone.
const ajv = new Ajv({ strict: false, validateFormats: false, meta: false, validateSchema: false });
const isAsyncApi = ajv.compile(specs.schemas['3.0.0'] as object);

type Json = Readonly<Record<string, unknown>>;
const document = JSON.parse(JSON.stringify(asyncApiDocument())) as {
  readonly channels: Readonly<Record<string, Json>>;
  readonly operations: Readonly<Record<string, Json>>;
  readonly components: {
    readonly messages: Readonly<Record<string, Json>>;
    readonly schemas: Readonly<Record<string, Json>>;
  };
};
const all = [...messages, ...records];
const requests = messages.filter((contract) => contract.kind === 'request');

describe('asyncapi.json', () => {
  test('is a valid AsyncAPI 3.0.0 document', () => {
    isAsyncApi(document);
    expect(isAsyncApi.errors ?? []).toEqual([]);
  });

  test('the validation can fail', () => {
    expect(isAsyncApi({ ...document, channels: { broken: { address: 7 } } })).toBe(false);
    expect(isAsyncApi({ ...document, asyncapi: '2.6.0' })).toBe(false);
  });

  test('names are unique, so that no contract hides another', () => {
    const names = all.map((contract) => contract.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(20);
  });

  test('every contract is a channel, and there is one for the answers', () => {
    expect(Object.keys(document.channels)).toHaveLength(messages.length + records.length + 1);
    for (const contract of all) expect(document.channels).toHaveProperty([contract.name]);
  });

  test('every contract is a message, every request has an answer beside', () => {
    expect(Object.keys(document.components.messages)).toHaveLength(all.length + requests.length);
  });

  test('every contract is said and heard, except what only the server says', () => {
    const spoken = all.filter((contract) => contract.from.length > 0);
    expect(Object.keys(document.operations)).toHaveLength(all.length + spoken.length);
    const said = Object.values(document.operations).filter((each) => each['action'] === 'send');
    expect(said).toHaveLength(spoken.length);
  });

  test('every request is asked and answered with a reply', () => {
    const replied = Object.values(document.operations).filter((each) => each['reply']);
    expect(replied).toHaveLength(2 * requests.length);
  });

  test('parameters are exactly the tokens of the address', () => {
    for (const [name, channel] of Object.entries(document.channels)) {
      const address = String(channel['address']);
      const inAddress = [...address.matchAll(/\{([^}]+)\}/g)].map((found) => found[1]);
      expect(Object.keys((channel['parameters'] as object) ?? {}), name).toEqual(inAddress);
    }
  });

  test('every reference leads somewhere', () => {
    const text = JSON.stringify(document);
    const pointers = new Set([...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map((found) => found[1]));
    expect(pointers.size).toBeGreaterThan(50);
    for (const pointer of pointers) {
      let at: unknown = document;
      for (const part of (pointer as string).split('/')) at = (at as Json | undefined)?.[part];
      expect(at, pointer).toBeDefined();
    }
  });

  test('every schema is one', () => {
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      expect(() => new Ajv({ strict: false }).compile(schema), name).not.toThrow();
    }
  });
});

describe('subjects.md', () => {
  test('has a row for every contract', () => {
    const rows = subjectsDocument().split('\n');
    for (const contract of all) {
      const mine = rows.filter((row) => row.startsWith(`| ${contract.name} |`));
      expect(mine, contract.name).toHaveLength(1);
      expect(mine[0]).toContain(`\`${contract.subject.text}\``);
      expect(mine[0]).toContain(contract.summary);
    }
  });
});
