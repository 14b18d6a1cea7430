/** The catalogue of refusals: complete, documented, and nothing in it that nobody says. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { errorsDocument } from '../../../docs/generate/errors.ts';
import {
  answerSchema,
  meaningOf,
  type RefusalCode,
  refusal,
  refusalSchema,
  refusals,
  refusalToSend,
} from '../../../subjects/index.ts';
import { sources } from '../../support/sources.ts';

const codes = Object.keys(refusals) as RefusalCode[];
/** Where a code is handed on: `refuse(to, 'code', …)`, `refusal('code', …)`, `code: 'code'`. */
const USED =
  /(?:\b(?:refuse|refusal|refused|deny|problem)\w*\([^;'"`]*?|\bcode: )'([a-z]+(?:-[a-z]+)+)'/g;

const usedIn = (text: string): string[] => [...text.matchAll(USED)].map((found) => found[1] ?? '');

describe('the catalogue', () => {
  test.each(Object.entries(refusals))('%s is complete', (code, entry) => {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(entry.http).toBeGreaterThanOrEqual(400);
    expect(entry.http).toBeLessThan(600);
    expect(entry.grpc).toMatch(/^[A-Z_]+$/);
    for (const sentence of [entry.user, entry.operator]) {
      expect(sentence).toMatch(/^[A-Z].{10,}\.$/);
      expect(sentence.length).toBeLessThan(140);
    }
  });

  test('what helps later is no mistake of the caller, and what is unavailable helps later', () => {
    for (const [code, entry] of Object.entries(refusals)) {
      if (entry.http === 503) expect(entry.retry, code).toBe('later');
      if ([400, 404, 405, 413, 415, 422].includes(entry.http))
        expect(entry.retry, code).toBe('never');
    }
  });

  test('gRPC and HTTP say the same', () => {
    const pairs: Readonly<Record<string, readonly number[]>> = {
      INVALID_ARGUMENT: [400, 415, 422],
      NOT_FOUND: [404],
      ALREADY_EXISTS: [409],
      FAILED_PRECONDITION: [409, 412, 422, 426],
      RESOURCE_EXHAUSTED: [413, 429, 507],
      UNIMPLEMENTED: [404, 405],
      PERMISSION_DENIED: [403],
      ABORTED: [409],
      UNAVAILABLE: [502, 503],
      INTERNAL: [500],
    };
    for (const [code, entry] of Object.entries(refusals)) {
      expect(pairs[entry.grpc], code).toContain(entry.http);
    }
  });
});

describe('the source', async () => {
  const files = (await sources()).filter(
    (file) => !file.path.startsWith('test/') && file.path !== 'subjects/refusal.ts',
  );

  test('uses no code that the catalogue does not have', () => {
    expect(files.length).toBeGreaterThan(80);
    let found = 0;
    for (const file of files) {
      for (const code of usedIn(file.text)) {
        found++;
        expect(codes, `${file.path}: ${code}`).toContain(code);
      }
    }
    expect(found).toBeGreaterThan(20);
  });

  test('uses every code of the catalogue', () => {
    const literals = new Set(files.flatMap((file) => [...file.strings]));
    const unused = codes.filter((code) => !literals.has(code));
    expect(unused, 'nobody says these; use or remove them').toEqual([]);
  });

  test('the search finds a code that is not there', () => {
    expect(usedIn("return [refuse(message.from, 'no-such-code', 'x')];")).toEqual(['no-such-code']);
    expect(usedIn("refusal(\n  'other-code', detail)")).toEqual(['other-code']);
  });
});

describe('errors.md', () => {
  test('lists exactly the catalogue', async () => {
    const committed = await readFile('docs/generated/errors.md', 'utf8');
    const listed = [...committed.matchAll(/^\| `([a-z-]+)` \|/gm)].map((found) => found[1]);
    expect(listed).toEqual(codes);
    expect(committed).toBe(errorsDocument());
  });
});

describe('a refusal on the wire', () => {
  test('carries a code, also one of a newer version, and nothing that is none', () => {
    expect(refusalSchema.safeParse({ code: 'host-taken', detail: 'x' }).success).toBe(true);
    expect(refusalSchema.safeParse({ code: 'of-tomorrow', detail: 'x' }).success).toBe(true);
    expect(refusalSchema.safeParse({ code: 'toString', detail: 'x' }).success).toBe(false);
    expect(refusalSchema.safeParse({ code: 'x', detail: 'x', status: 200 }).success).toBe(false);
  });

  test.each(codes)('%s says its status when it is sent', (code) => {
    expect(refusalToSend(refusal(code, 'x'))).toEqual({
      ...{ code, detail: 'x', status: refusals[code].http },
    });
    expect(meaningOf(refusal(code, 'x'))).toBe(refusals[code]);
  });

  test.each([
    [404, 'never', 'NOT_FOUND'],
    [418, 'never', 'FAILED_PRECONDITION'],
    [429, 'later', 'RESOURCE_EXHAUSTED'],
    [507, 'later', 'INTERNAL'],
    [undefined, 'later', 'INTERNAL'],
  ] as const)(
    'with a code nobody knows here means what its status %s does',
    (status, retry, grpc) => {
      const meaning = meaningOf({ code: 'of-tomorrow', detail: 'x', status });
      expect(meaning).toMatchObject({ http: status ?? 500, retry, grpc });
    },
  );

  test('an answer is a value or a refusal, never both or neither', () => {
    const schema = answerSchema(refusalSchema);
    const because = { code: 'host-taken', detail: 'x' } as const;
    expect(schema.safeParse({ ok: true, value: because }).success).toBe(true);
    expect(schema.safeParse({ ok: false, refusal: because }).success).toBe(true);
    expect(schema.safeParse({ ok: true, refusal: because }).success).toBe(false);
    expect(schema.safeParse({ ok: false, value: because }).success).toBe(false);
    expect(schema.safeParse({ refusal: because }).success).toBe(false);
  });
});

test('a detail is cut to what every frame and answer has room for, whole characters only', () => {
  for (const [char, bytes] of [
    ['x', 1],
    ['ü', 2],
    ['日', 3],
    ['😀', 4],
    ['\u0001', 6],
  ] as const) {
    const { detail } = refusal('copy-refused', char.repeat(5_000));
    const written = Buffer.byteLength(JSON.stringify(detail)) - 2;
    expect(written).toBeLessThanOrEqual(2_000);
    expect(written).toBeGreaterThan(2_000 - bytes);
    expect(detail).toBe(char.repeat(2_000 / bytes));
  }
  expect(refusal('copy-refused', 'ü'.repeat(1_000)).detail).toBe('ü'.repeat(1_000));
});
