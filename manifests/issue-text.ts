/**
 * Makes sure that what a schema finds wrong is told in the words of the person who wrote the
 * manifest: what was expected, what is there, and which known key or value is nearest.
 */
import type { z } from 'zod';
import { manifestSchema } from '../subjects/index.ts';
import { keysAt } from './json-schema.ts';
import { nearest } from './nearest.ts';
import { pathText } from './positions.ts';

type Issue = z.core.$ZodIssue;

export interface Told {
  readonly path: readonly PropertyKey[];
  /** Whether the key or the value is what is wrong. */
  readonly at: 'key' | 'value';
  readonly message: string;
}

/** What an issue says about a document. One issue may name several keys. */
export function tell(issue: Issue, document: unknown): readonly Told[] {
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(kindOf(document), issue.path);
    return issue.keys.map((key) => ({
      path: [...issue.path, key],
      at: 'key',
      message: unknownKey(key, known),
    }));
  }
  if (issue.code === 'invalid_key') {
    const why = issue.issues[0]?.message ?? 'another one';
    return [{ path: issue.path, at: 'key', message: `the key is not valid, expected ${why}` }];
  }
  if (issue.code === 'custom') return [{ path: issue.path, at: 'value', message: issue.message }];
  const value = valueAt(document, issue.path);
  const kind = kindOf(document);
  const expected = expectedAt(issue, kind);
  if (value === undefined) {
    return [{ path: issue.path, at: 'key', message: `missing, expected ${expected}` }];
  }
  const message = `expected ${expected}, found ${describe(value)}${hintFor(issue, value, kind)}`;
  return [{ path: issue.path, at: 'value', message }];
}

/** Texts of a form of their own say more with it: not `a text` but `a host name`. */
function expectedAt(issue: Issue, kind: unknown): string {
  const expected = expectedBy(issue);
  const isText = expected.split(' or ').includes(A_TEXT);
  return (isText ? refusalOfText('\u0000', kind, issue.path) : undefined) ?? expected;
}

/** What the schema says of a text at this place; undefined: it may stand there. */
function refusalOfText(
  text: string,
  kind: unknown,
  path: readonly PropertyKey[],
): string | undefined {
  // Alone in a document of its own, so that it costs nothing however large the given one is.
  const alone = path.map((step) => (typeof step === 'number' ? 0 : step));
  const probe = alone.reduceRight<unknown>(
    (inner, step) => (step === 0 ? [inner] : { [step]: inner }),
    text,
  );
  const parsed = manifestSchema.safeParse({ kind, ...(probe as object) });
  const at = pathText(alone);
  return parsed.error?.issues.find((each) => pathText(each.path) === at)?.message;
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  if (near !== undefined) return `unknown key, did you mean "${near}"?`;
  return known.length > 0 ? `unknown key; known here: ${known.join(', ')}` : 'unknown key';
}

function expectedBy(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeText(issue.expected);
    case 'invalid_value':
      return oneOf(issue.values);
    case 'invalid_union':
      return 'options' in issue && issue.options ? oneOf(issue.options) : anyOf(issue.errors);
    case 'too_small':
      return `at least ${amount(issue.origin, issue.minimum)}`;
    case 'too_big':
      return `at most ${amount(issue.origin, issue.maximum)}`;
    case 'invalid_format':
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'invalid_key':
    case 'invalid_element':
    case 'custom':
      return issue.message;
  }
}

const A_TEXT = 'a text';
const types: Readonly<Record<string, string>> = {
  string: A_TEXT,
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

function typeText(type: string): string {
  return types[type] ?? type;
}

function oneOf(values: readonly unknown[]): string {
  const texts = values.map((each) => JSON.stringify(each));
  return texts.length === 1 ? `${texts[0]}` : `one of ${texts.join(', ')}`;
}

/** What the branches of a union want, without repeating it. */
function anyOf(branches: readonly (readonly Issue[])[]): string {
  const texts = branches.flatMap((issues) => (issues[0] ? [expectedBy(issues[0])] : []));
  return [...new Set(texts)].join(' or ') || 'another value';
}

function amount(origin: string, limit: number | bigint): string {
  const many = limit === 1 ? '' : 's';
  if (origin === 'string') return `${limit} character${many}`;
  return origin === 'array' ? `${limit} item${many}` : String(limit);
}

/** The way out, where it is clear what was meant. */
function hintFor(issue: Issue, value: unknown, kind: unknown): string {
  if (typeof value === 'string') {
    const options = optionsOf(issue);
    const near = options.length > 1 ? nearest(value, options) : undefined;
    return near === undefined ? '' : `, did you mean "${near}"?`;
  }
  const isPlain = typeof value === 'number' || typeof value === 'boolean';
  const wantsText = issue.code === 'invalid_type' && issue.expected === 'string';
  if (!isPlain || !wantsText) return '';
  const isTextFine = refusalOfText(String(value), kind, issue.path) === undefined;
  return isTextFine ? '; put it in quotes' : '';
}

/** The texts that may stand there, where they are few and known. */
function optionsOf(issue: Issue): readonly string[] {
  let options: readonly unknown[] = [];
  if (issue.code === 'invalid_value') options = issue.values;
  else if (issue.code === 'invalid_union' && 'options' in issue) options = issue.options ?? [];
  return options.filter((each) => typeof each === 'string');
}

const SHOWN_MAX = 40;

function describe(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(value.length > SHOWN_MAX ? `${value.slice(0, SHOWN_MAX)}…` : value);
}

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  let value = document;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

function kindOf(document: unknown): unknown {
  return valueAt(document, ['kind']);
}
