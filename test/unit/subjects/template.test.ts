/** Subjects and their templates: addresses and tokens are each other's inverse. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  address,
  type Contract,
  covers,
  fill,
  match,
  messages,
  narrow,
  pattern,
  records,
  type Template,
  TokenError,
  template,
  tokensIn,
} from '../../../subjects/index.ts';

const all: readonly Contract[] = [...messages, ...records];
const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/);
const tail = fc.array(token, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'));
/** What must never get into a subject, each kind of it. */
const badTokens = [
  ...['', '.', 'a.b', '.a', 'a.', '*', 'a*', '>', ' ', 'a b', '\t', '\r\n', '\0', 'ä', '🌊'],
  ...['$', '{a}', 'a/b', 'a:b', 'x'.repeat(129)],
];

/** Tokens for a template. */
function tokensFor(of: Template): fc.Arbitrary<Record<string, string>> {
  const last = of.names.at(-1);
  const shape = of.names.map((name) => [name, of.isTailed && name === last ? tail : token]);
  return fc.record(Object.fromEntries(shape), { noNullPrototype: true }) as never;
}

describe.each(all.map((each) => [each.name, each] as const))('%s', (_, contract) => {
  test('the tokens of an address are those it was made of', () => {
    fc.assert(
      fc.property(tokensFor(contract.subject), (tokens) => {
        const subject = address(contract, tokens as never);
        expect(tokensIn(contract, subject)).toEqual(tokens);
        expect(covers(pattern(contract), subject)).toBe(true);
      }),
    );
  });

  test('a pattern narrowed by some tokens covers exactly the addresses that have them', () => {
    const pair = fc.tuple(
      tokensFor(contract.subject),
      tokensFor(contract.subject),
      fc.subarray([...contract.subject.names]),
    );
    fc.assert(
      fc.property(pair, ([some, others, known]) => {
        const given = Object.fromEntries(known.map((name) => [name, some[name]]));
        const narrowed = pattern(contract, given as never);
        expect(covers(pattern(contract), narrowed)).toBe(true);
        expect(covers(narrowed, address(contract, some as never))).toBe(true);
        const isSame = known.every((name) => some[name] === others[name]);
        expect(covers(narrowed, address(contract, others as never))).toBe(isSame);
      }),
    );
  });

  test('a bad token never becomes part of a subject', () => {
    for (const name of contract.subject.names) {
      const good = Object.fromEntries(contract.subject.names.map((each) => [each, 'a']));
      const isTail = contract.subject.isTailed && name === contract.subject.names.at(-1);
      for (const bad of badTokens) {
        if (isTail && bad === 'a.b') continue;
        const tokens = { ...good, [name]: bad };
        expect(() => address(contract, tokens as never), JSON.stringify(bad)).toThrow(TokenError);
        expect(() => pattern(contract, { [name]: bad } as never)).toThrow(TokenError);
      }
      for (const bad of [undefined, null, 7, ['a'], { toString: () => 'a' }]) {
        const tokens = { ...good, [name]: bad };
        expect(() => address(contract, tokens as never)).toThrow(TokenError);
      }
    }
  });

  test('no subject is another contract’s too', () => {
    const isSameSpace = (other: Contract): boolean =>
      contract.kind === 'record'
        ? other.kind === 'record' && other.bucket === contract.bucket
        : other.kind !== 'record';
    const others = all.filter((other) => other !== contract && isSameSpace(other));
    fc.assert(
      fc.property(tokensFor(contract.subject), (tokens) => {
        const subject = address(contract, tokens as never);
        for (const other of others) expect(tokensIn(other, subject), other.name).toBeUndefined();
      }),
      { numRuns: 30 },
    );
  });
});

describe('any template', () => {
  const part = fc.oneof(
    token.map((literal) => literal),
    fc.constantFrom('a', 'b', 'c', 'node', 'tenant').map((name) => `{${name}}`),
  );
  const text = fc
    .tuple(fc.uniqueArray(part, { minLength: 1, maxLength: 5 }), fc.boolean())
    .map(([parts, isTailed]) => [...parts, ...(isTailed ? ['{rest>}'] : [])].join('.'));

  test('address and match are inverse', () => {
    const filled = text.chain((each) => {
      const of = template(each) as Template;
      return tokensFor(of).map((tokens) => [of, tokens] as const);
    });
    fc.assert(
      fc.property(filled, ([of, tokens]) => {
        const subject = fill(of, tokens as never);
        expect(match(of, subject)).toEqual(tokens);
        expect(fill(of, match(of, subject) as never)).toBe(subject);
      }),
    );
  });

  test('what matches can be filled again to the same subject, whatever the subject is', () => {
    const any = fc.array(fc.oneof(token, fc.constantFrom('', '*', '>', 'a b')), { maxLength: 6 });
    fc.assert(
      fc.property(text, any, (each, pieces) => {
        const of = template(each) as Template;
        const subject = pieces.join('.');
        const tokens = match(of, subject);
        if (tokens) expect(fill(of, tokens as never)).toBe(subject);
      }),
    );
  });

  test('a tail takes one token or more, never none', () => {
    const of = template('a.{rest>}');
    expect(match(of, 'a.b')).toEqual({ rest: 'b' });
    expect(match(of, 'a.b.c')).toEqual({ rest: 'b.c' });
    expect(match(of, 'a')).toBeUndefined();
    expect(match(of, 'a.b..c')).toBeUndefined();
    expect(narrow(of, {})).toBe('a.>');
  });

  test.each(['', 'a..b', 'a b', '{a>}.b', 'a.{B}', 'a.*', 'a.>', '{a}{b}', 'x{a}'])(
    'a malformed one is refused where it is written: %j',
    (each) => {
      expect(() => template(each)).toThrow(TokenError);
    },
  );
});

describe('covers', () => {
  /** What NATS says of patterns, read from left to right. */
  function reference(wanted: readonly string[], given: readonly string[]): boolean {
    const [first, ...rest] = wanted;
    if (first === undefined) return given.length === 0;
    if (given.length === 0) return false;
    if (first === '>') return rest.length === 0;
    const [head, ...others] = given;
    if (head === '>') return false;
    return (first === '*' || first === head) && reference(rest, others);
  }
  const letter = fc.constantFrom('a', 'b', 'ab');
  const subject = (withTail: boolean): fc.Arbitrary<readonly string[]> =>
    fc
      .tuple(
        fc.array(fc.oneof(letter, fc.constant('*')), { minLength: withTail ? 0 : 1, maxLength: 4 }),
        fc.constant(withTail ? ['>'] : []),
      )
      .map(([parts, end]) => [...parts, ...end]);
  const any = fc.oneof(subject(true), subject(false));

  test('agrees with the naive reading', () => {
    fc.assert(
      fc.property(any, any, (wanted, given) => {
        expect(covers(wanted.join('.'), given.join('.'))).toBe(reference(wanted, given));
      }),
      { numRuns: 3_000 },
    );
  });

  test('what covers a pattern covers every subject of it', () => {
    const subjects = fc.array(letter, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(any, any, subjects, (wide, narrowed, concrete) => {
        const [one, other, each] = [wide, narrowed, concrete].map((parts) => parts.join('.'));
        if (!covers(one as string, other as string)) return;
        if (covers(other as string, each as string)) {
          expect(covers(one as string, each as string)).toBe(true);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test.each([
    ['a.*', 'a.>', false],
    ['a.>', 'a.*', true],
    ['a.>', 'a', false],
    ['>', 'a', true],
    ['*', '*', true],
    ['a', '*', false],
    ['a.*.c', 'a.b.c', true],
    ['a.*.c', 'a.b.c.d', false],
  ])('%s and %s: %s', (wanted, given, expected) => {
    expect(covers(wanted, given)).toBe(expected);
  });
});

test('tokens that were found before are found again, and nobody can change them', () => {
  const of = template('a.{one}.{rest>}');
  const first = match(of, 'a.x.y.z');
  expect(first).toEqual({ one: 'x', rest: 'y.z' });
  expect(() => Object.assign(first as object, { one: 'changed' })).toThrow(TypeError);
  // More than are remembered: each is found as it is.
  for (let index = 0; index < 2_500; index++) {
    expect(match(of, `a.x${index % 1_200}.y`)).toEqual({ one: `x${index % 1_200}`, rest: 'y' });
  }
  expect(match(of, 'a.x.y.z')).toEqual({ one: 'x', rest: 'y.z' });
});
