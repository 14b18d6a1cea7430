/**
 * Makes sure that the document of the API is made from what the routes validate with: their zod
 * schemas as JSON Schema, inputs as a caller writes them, answers as they are given.
 */
import type { SwaggerTransform } from '@fastify/swagger';
import { z } from 'zod';
import { VERSION } from '../../actors/runtime/version.ts';
import { manifestSchema, type RefusalCode, refusals } from '../../subjects/index.ts';
import { PROBLEM_TYPE, problemSchema } from './problem.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body is a manifest, in JSON or YAML: read by the route itself. */
    readonly takesManifest?: boolean;
    /** Refusals that are about this call; every call can have others. */
    readonly refusals?: readonly RefusalCode[];
    /** Headers its answers carry. */
    readonly headers?: readonly AnswerHeader[];
  }
}

export const MANIFEST_TYPES = ['application/json', 'application/yaml'];

export const openapi = {
  openapi: '3.1.0',
  info: {
    title: 'Shoal',
    version: VERSION,
    description: 'An elastic compute fabric of unlike machines: the API of its gateway.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  tags: [
    { name: 'workloads', description: 'What tenants want to run' },
    { name: 'schedules', description: 'What is done at a time' },
    { name: 'pools', description: 'Warm instances, ready to be claimed' },
    { name: 'claims', description: 'Slots of pools in the hands of callers' },
    { name: 'instances', description: 'Copies of workloads on nodes' },
    { name: 'sessions', description: 'Commands in instances, connections to their ports' },
    { name: 'nodes', description: 'Machines and what they hold' },
    { name: 'usage', description: 'What is in use, as nodes last said' },
    { name: 'events', description: 'What happened' },
    { name: 'logs', description: 'What instances print' },
    { name: 'tenants', description: 'What tenants set for themselves' },
    { name: 'gateway', description: 'The gateway itself' },
  ],
};

type Io = 'input' | 'output';

function jsonSchema(schema: unknown, io: Io): Record<string, unknown> {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema as z.ZodType, {
    io,
    unrepresentable: 'any',
  });
  return rest;
}

/** An answer: a schema, or one per media type; null: it has no body. */
function answerOf(declared: unknown): object {
  if (declared instanceof z.ZodNull) {
    return { description: declared.description ?? 'Done', type: 'null' };
  }
  if (declared instanceof z.ZodType) {
    const schema = jsonSchema(declared, 'output');
    return { description: schema['description'] ?? 'Done', content: json(schema) };
  }
  const { content, description } = declared as {
    readonly content: Readonly<Record<string, { readonly schema: unknown }>>;
    readonly description?: string;
  };
  const types = Object.entries(content).map(([type, { schema }]) => [
    type,
    { schema: jsonSchema(schema, 'output') },
  ]);
  return { description: description ?? 'Done', content: Object.fromEntries(types) };
}

function json(schema: object): object {
  return { 'application/json': { schema } };
}

const answerHeaders = {
  ETag: { type: 'string', description: 'The generation as an entity tag, for If-Match: "3"' },
  'Shoal-Revision': { type: 'integer', description: 'What to pass on as minRevision' },
  Location: { type: 'string', description: 'Where the workload is' },
} as const;
type AnswerHeader = keyof typeof answerHeaders;

const problemContent = { [PROBLEM_TYPE]: { schema: jsonSchema(problemSchema, 'output') } };
const problemHeaders = {
  'X-Request-Id': { type: 'string', description: 'The id of the problem' },
  'Retry-After': { type: 'integer', description: 'In seconds, where asking again can help' },
};

/** A call's own refusals, by status: what the code means stands beside it. */
function problemsOf(codes: readonly RefusalCode[]): Record<string, object> {
  const problems: Record<string, object> = {};
  for (const status of new Set(codes.map((code) => refusals[code].http))) {
    const lines = codes
      .filter((code) => refusals[code].http === status)
      .map((code) => `\`${code}\`: ${refusals[code].user}`);
    problems[status] = {
      description: lines.join('\n\n'),
      ...{ headers: problemHeaders, content: problemContent },
    };
  }
  return problems;
}

const anyProblem = {
  description: 'Any other problem',
  ...{ headers: problemHeaders, content: problemContent },
};

/** A route's zod schemas as @fastify/swagger wants them. */
export const transform: SwaggerTransform = ({ schema: declared, url, route }) => {
  const { body, querystring, params, headers, response, ...rest } = (declared ?? {}) as Record<
    string,
    unknown
  >;
  const inputs = Object.entries({ body, querystring, params, headers })
    .filter(([, each]) => each !== undefined)
    .map(([name, each]) => [name, jsonSchema(each, 'input')]);
  const { takesManifest, refusals: codes = [], headers: told = [] } = route.config ?? {};
  const carried = Object.fromEntries(told.map((name) => [name, answerHeaders[name]]));
  const answers = Object.entries((response ?? {}) as object).map(([status, each]) => [
    status,
    { ...answerOf(each), headers: carried },
  ]);
  const schema = {
    ...rest,
    ...Object.fromEntries(inputs),
    ...(takesManifest
      ? {
          body: { title: 'Manifest', ...jsonSchema(manifestSchema, 'input') },
          consumes: MANIFEST_TYPES,
        }
      : {}),
    response: { ...Object.fromEntries(answers), ...problemsOf(codes), default: anyProblem },
  };
  return { schema, url };
};
