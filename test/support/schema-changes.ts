/**
 * What has changed between two JSON Schemas of one contract that programs one version apart would
 * stumble over. Both directions count: the older program reads what the newer one writes, and the
 * reverse. Only asks may become wider: whoever does not know the new thing refuses it.
 */
type Schema = Readonly<Record<string, unknown>>;

/** `ask`: refused when it is not understood. `told`: an event, an answer or a record; left out. */
export type Use = 'ask' | 'told';

/** Words that change nothing for a reader. */
const WORDS = new Set(['description', 'title', 'examples', '$schema']);
/** Bounds, with what makes them wider: a higher or a lower number. */
const BOUNDS: Readonly<Record<string, 'higher' | 'lower'>> = {
  maximum: 'higher',
  exclusiveMaximum: 'higher',
  maxLength: 'higher',
  maxItems: 'higher',
  maxProperties: 'higher',
  minimum: 'lower',
  exclusiveMinimum: 'lower',
  minLength: 'lower',
  minItems: 'lower',
  minProperties: 'lower',
};
const NESTED = ['items', 'additionalProperties', 'propertyNames'];
const LISTED = ['anyOf', 'oneOf', 'allOf'];

/** Sentences, each with the place; none: the change is compatible. */
export function incompatibleChanges(before: Schema, after: Schema, use: Use): readonly string[] {
  return compared(before, after, use, 'value');
}

function compared(before: Schema, after: Schema, use: Use, at: string): string[] {
  const found: string[] = [];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  for (const name of names) {
    if (WORDS.has(name) || name === 'required') continue;
    const [one, other] = [before[name], after[name]];
    if (name === 'properties') found.push(...properties(before, after, use, at));
    else if (NESTED.includes(name) && isSchema(one) && isSchema(other)) {
      found.push(...compared(one, other, use, `${at}.${name === 'items' ? '[]' : '*'}`));
    } else if (LISTED.includes(name) && Array.isArray(one) && Array.isArray(other)) {
      found.push(...options(one, other, use, at));
    } else if (name === 'enum') found.push(...members(one, other, use, at));
    else if (name in BOUNDS) found.push(...bound(name, one, other, use, at));
    else if (JSON.stringify(one) !== JSON.stringify(other)) {
      found.push(`${at}: ${name} was ${text(one)} and is ${text(other)}`);
    }
  }
  return found;
}

function properties(before: Schema, after: Schema, use: Use, at: string): string[] {
  const [old, now] = [fieldsOf(before), fieldsOf(after)];
  const [wasNeeded, isNeeded] = [requiredOf(before), requiredOf(after)];
  const found: string[] = [];
  for (const [name, schema] of Object.entries(old)) {
    const place = `${at}.${name}`;
    const kept = now[name];
    if (!kept) {
      found.push(`${place} is gone or has another name`);
      continue;
    }
    found.push(...compared(schema, kept, use, place));
    if (!wasNeeded.has(name) && isNeeded.has(name)) found.push(`${place} is required now`);
    if (wasNeeded.has(name) && !isNeeded.has(name) && use === 'told') {
      found.push(`${place} was always there and may be missing now`);
    }
  }
  for (const name of Object.keys(now)) {
    if (!old[name] && isNeeded.has(name)) found.push(`${at}.${name} is new and required`);
  }
  return found;
}

/** Alternatives are told apart by their place: a new one may only stand behind the others. */
function options(
  before: readonly Schema[],
  after: readonly Schema[],
  use: Use,
  at: string,
): string[] {
  const found = before.flatMap((each, index) => {
    const kept = after[index];
    const place = `${at}(${index + 1})`;
    return kept ? compared(each, kept, use, place) : [`${place}: this alternative is gone`];
  });
  if (after.length > before.length && use === 'told') found.push(`${at}: a new alternative`);
  return found;
}

function members(before: unknown, after: unknown, use: Use, at: string): string[] {
  const [old, now] = [listOf(before), listOf(after)];
  if (before === undefined || after === undefined) {
    const isWider = after === undefined;
    return isWider && use === 'ask' ? [] : [`${at}: the list was ${isWider ? 'opened' : 'closed'}`];
  }
  const gone = old.filter((each) => !now.includes(each)).map((each) => `${at}: ${each} is gone`);
  const added = now.filter((each) => !old.includes(each));
  const more = use === 'told' ? added.map((each) => `${at}: ${each} is new in a closed list`) : [];
  return [...gone, ...more];
}

function bound(name: string, before: unknown, after: unknown, use: Use, at: string): string[] {
  if (before === after) return [];
  const least = BOUNDS[name] === 'higher' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  const [one, other] = [(before ?? least) as number, (after ?? least) as number];
  const isWider = BOUNDS[name] === 'higher' ? other > one : other < one;
  if (isWider && use === 'ask') return [];
  return [`${at}: ${name} was ${text(before)} and is ${text(after)}`];
}

function fieldsOf(schema: Schema): Readonly<Record<string, Schema>> {
  return (schema['properties'] ?? {}) as Readonly<Record<string, Schema>>;
}

function requiredOf(schema: Schema): ReadonlySet<string> {
  return new Set((schema['required'] ?? []) as readonly string[]);
}

function listOf(value: unknown): readonly string[] {
  return ((value ?? []) as readonly unknown[]).map((each) => JSON.stringify(each));
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null;
}

function text(value: unknown): string {
  return value === undefined ? 'not said' : JSON.stringify(value);
}
