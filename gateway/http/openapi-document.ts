/**
 * Makes sure that the document of the API says each thing once: a schema with a title is a
 * component of that name, with an example, and everything else refers to it.
 */
import { examples } from './examples.ts';

type Json = Readonly<Record<string, unknown>>;

/** What stands under these keys is a value, not a schema, whatever it looks like. */
const values = new Set(['default', 'const', 'enum', 'example', 'examples']);

/** The document as it is published. */
export function published(document: Json): Json {
  const schemas: Record<string, unknown> = {};
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (!isObject(value)) return value;
    const walked: Json = Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, values.has(key) ? each : walk(each)]),
    );
    const { title } = walked;
    if (typeof title !== 'string') return requestBody(walked);
    const example = examples[title];
    schemas[title] = example === undefined ? walked : { ...walked, examples: [example] };
    return { $ref: `#/components/schemas/${title}` };
  };
  const paths = walk(document['paths']);
  const components = Object.entries(schemas).sort(([one], [other]) => (one < other ? -1 : 1));
  return { ...document, components: { schemas: Object.fromEntries(components) }, paths };
}

/** A body that may be null may be left out; @fastify/swagger knows only bodies that must be there. */
function requestBody(operation: Json): Json {
  const body = operation['requestBody'];
  if (!isObject(body) || !isObject(body['content'])) return operation;
  const content = Object.fromEntries(
    Object.entries(body['content']).map(([type, media]) => [type, withoutNull(media)]),
  );
  const isOptional = Object.values(body['content']).some((media) => withoutNull(media) !== media);
  return { ...operation, requestBody: { ...body, required: !isOptional, content } };
}

function withoutNull(media: unknown): unknown {
  const schema = isObject(media) ? media['schema'] : undefined;
  const any = isObject(schema) ? schema['anyOf'] : undefined;
  if (!Array.isArray(any)) return media;
  const kept = any.filter((each) => !isObject(each) || each['type'] !== 'null');
  return kept.length === 1 && kept.length < any.length ? { schema: kept[0] } : media;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
