/** Schemas that have read much are compiled: what they say of a value must not change by that. */
import { expect, test } from 'vitest';
import { answerSchema, COMPILED_AFTER, validate } from '../../../subjects/index.ts';
import { samples } from '../../support/samples.ts';

const wrong = [undefined, null, '', -1, {}, ['x'], { since9: 1 }];

/** A value, and the same with one thing in it missing, wrong or new, at any depth. */
function* variantsOf(value: unknown): IterableIterator<unknown> {
  yield value;
  yield* wrong;
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield { ...value, since9: { of: 'a newer version' } };
  for (const [key, inside] of Object.entries(value)) {
    for (const each of variantsOf(inside)) {
      yield Array.isArray(value)
        ? value.map((one, index) => (String(index) === key ? each : one))
        : { ...value, [key]: each };
    }
  }
}

const read = samples.flatMap(({ contract, value, reply }) => [
  { name: contract.name, schema: contract.schema, value },
  ...(contract.kind === 'request'
    ? [
        {
          name: `the answer to ${contract.name}`,
          schema: answerSchema(contract.reply),
          value: { ok: true, value: reply },
        },
      ]
    : []),
]);

test.each(read)('$name is read the same when it was read often', ({ schema, value }) => {
  const variants = [...variantsOf(value)];
  const said = (each: unknown) => {
    const decoded = validate(schema, each);
    // As text, too: keys keep their order.
    return { decoded, text: JSON.stringify(decoded) };
  };
  const others = variants.map((each) => schema.safeParse(each).success);
  const before = variants.slice(0, COMPILED_AFTER - 1).map(said);
  for (let times = 0; times < COMPILED_AFTER; times++) validate(schema, value);
  const after = variants.map(said);
  expect(after.slice(0, before.length)).toEqual(before);
  expect(after.map((each) => each.decoded.ok)).toEqual(others);
});
