/**
 * Makes sure that a subject is written once, as a template, and that everything else about it
 * (an address, the pattern that subscribes to it, the tokens inside a received one) is derived.
 *
 * A template is dot-separated: `shoal.node.{node}.beat`. `{name}` stands for one token; `{name>}`,
 * which only the last place may hold, for one or more (host names have dots).
 *
 * I1  address(t, match(t, s)) === s for every subject s that matches.
 * I2  a token that could change the shape of a subject (a dot, a wildcard, a space, nothing at
 *     all) never becomes part of an address: `address` throws a TokenError.
 */

/** Letters, digits, `-` and `_`, at most 128: what NATS allows everywhere, and no shell mangles. */
const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;
const TAIL = /^[A-Za-z0-9_-]{1,128}(\.[A-Za-z0-9_-]{1,128})*$/;

type NameOf<T extends string> = T extends `${infer N}>` ? N : T;
type TokenNames<S extends string> = S extends `${string}{${infer T}}${infer Rest}`
  ? NameOf<T> | TokenNames<Rest>
  : never;

/** The tokens of a template by name, e.g. `{ node: string }`. */
export type Tokens<S extends string> = { readonly [N in TokenNames<S>]: string };

/** Thrown when a value cannot be a subject token. A fault of the caller, never of the wire. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
}

/** A template, split once so that making and matching subjects costs no parsing. */
export interface Template<S extends string = string> {
  readonly text: S;
  /** What a subscription to every subject of this template says. */
  readonly pattern: string;
  readonly names: readonly string[];
  /** Literal text, or the name of the token that stands there. */
  readonly parts: readonly ({ readonly literal: string } | { readonly token: string })[];
  readonly isTailed: boolean;
  /** What was found in subjects that came lately: the same few come again and again. */
  readonly matched: Map<string, Tokens<S>>;
}

/** Subjects of a template whose tokens are remembered; above that all are forgotten. */
const MATCHED_MAX = 1_000;

/** Parses a template. Throws on a malformed one: templates are written in code. */
export function template<const S extends string>(text: S): Template<S> {
  const names: string[] = [];
  const pieces = text.split('.');
  let isTailed = false;
  const parts = pieces.map((piece, index) => {
    const found = /^\{([a-z][A-Za-z]*)(>?)\}$/.exec(piece);
    if (!found) {
      if (!/^[$A-Za-z0-9_-]+$/.test(piece)) throw new TokenError(`bad template: ${text}`);
      return { literal: piece };
    }
    if (found[2] === '>') {
      if (index !== pieces.length - 1) throw new TokenError(`a tail must come last: ${text}`);
      isTailed = true;
    }
    names.push(found[1] as string);
    return { token: found[1] as string };
  });
  const pattern = parts
    .map((part, index) =>
      'literal' in part ? part.literal : isTailed && index === parts.length - 1 ? '>' : '*',
    )
    .join('.');
  return { text, pattern, names, parts, isTailed, matched: new Map() };
}

/** The subject for these tokens. Throws TokenError for a value that cannot be a token. */
export function fill<S extends string>(of: Template<S>, tokens: Tokens<S>): string {
  const values = tokens as Record<string, string>;
  let subject = '';
  const last = of.parts.length - 1;
  for (let index = 0; index <= last; index++) {
    const part = of.parts[index] as Template['parts'][number];
    if (index > 0) subject += '.';
    if ('literal' in part) {
      subject += part.literal;
      continue;
    }
    const value = values[part.token];
    const isTail = of.isTailed && index === last;
    if (typeof value !== 'string' || !(isTail ? TAIL : TOKEN).test(value)) {
      throw new TokenError(`${of.text}: ${part.token} cannot be ${JSON.stringify(value)}`);
    }
    subject += value;
  }
  return subject;
}

/**
 * The pattern that subscribes to some of a template's subjects: known tokens are filled in, the
 * others stay wildcards.
 */
export function narrow<S extends string>(of: Template<S>, tokens: Partial<Tokens<S>>): string {
  const values = tokens as Record<string, string | undefined>;
  return of.parts
    .map((part, index) => {
      if ('literal' in part) return part.literal;
      const value = values[part.token];
      const isTail = of.isTailed && index === of.parts.length - 1;
      if (value === undefined) return isTail ? '>' : '*';
      if (!(isTail ? TAIL : TOKEN).test(value)) {
        throw new TokenError(`${of.text}: ${part.token} cannot be ${JSON.stringify(value)}`);
      }
      return value;
    })
    .join('.');
}

/** The tokens in a subject, or undefined when it is not one of this template's. */
export function match<S extends string>(of: Template<S>, subject: string): Tokens<S> | undefined {
  // Most subjects are another template's: that is found out before anything is taken apart.
  if (!covers(of.pattern, subject)) return;
  const known = of.matched.get(subject);
  if (known) return known;
  const tokens = taken(of, subject);
  if (!tokens) return;
  if (of.matched.size >= MATCHED_MAX) of.matched.clear();
  of.matched.set(subject, tokens);
  return tokens;
}

/** Takes a subject apart that the pattern covers. */
function taken<S extends string>(of: Template<S>, subject: string): Tokens<S> | undefined {
  const last = of.parts.length - 1;
  const tokens: Record<string, string> = {};
  let from = 0;
  for (let index = 0; index <= last; index++) {
    const part = of.parts[index] as Template['parts'][number];
    const end = index === last ? subject.length : subject.indexOf('.', from);
    if ('token' in part) {
      const value = subject.slice(from, end);
      const isTail = of.isTailed && index === last;
      if (!(isTail ? TAIL : TOKEN).test(value)) return;
      tokens[part.token] = value;
    }
    from = end + 1;
  }
  // Shared by all who ask from now on.
  return Object.freeze(tokens) as Tokens<S>;
}

const STAR = '*'.charCodeAt(0);
const REST = '>'.charCodeAt(0);

/** Whether a NATS pattern (`*` one token, `>` the rest) covers a subject or a narrower pattern. */
export function covers(wanted: string, subject: string): boolean {
  let from = 0;
  for (let at = 0; at < wanted.length; at++) {
    const char = wanted.charCodeAt(at);
    if (char === REST) return from < subject.length;
    if (char === STAR) {
      if (subject.charCodeAt(from) === REST) return false;
      const end = subject.indexOf('.', from);
      from = end < 0 ? subject.length : end;
    } else if (char === subject.charCodeAt(from)) {
      from++;
    } else {
      return false;
    }
  }
  return from === subject.length;
}
