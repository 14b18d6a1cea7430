/**
 * Makes sure that the document of the API is made from what the routes validate with: their zod
 * schemas as JSON Schema, inputs as a caller writes them, answers as they are given.
 */
import type { SwaggerTransform } from '@fastify/swagger';
import { z } from 'zod';
import { VERSION } from '../../actors/runtime/version.ts';
import { manifestSchema } from '../../subjects/index.ts';
import { PROBLEM_TYPE, problemSchema } from './problem.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body is a manifest, in JSON or YAML: read by the route itself. */
    readonly takesManifest?: boolean;
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
    { name: 'instances', description: 'Copies of workloads on nodes' },
    { name: 'nodes', description: 'Machines and what they hold' },
    { name: 'events', description: 'What happened' },
    { name: 'logs', description: 'What instances print' },
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

/** An answer: a schema, or one per media type. */
function answerOf(declared: unknown): object {
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

const problem = {
  description: 'Why not',
  content: { [PROBLEM_TYPE]: { schema: jsonSchema(problemSchema, 'output') } },
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
  const answers = Object.entries((response ?? {}) as object).map(([status, each]) => [
    status,
    answerOf(each),
  ]);
  const takesManifest = route.config?.takesManifest === true;
  const schema = {
    ...rest,
    ...Object.fromEntries(inputs),
    ...(takesManifest
      ? { body: jsonSchema(manifestSchema, 'input'), consumes: MANIFEST_TYPES }
      : {}),
    response: { ...Object.fromEntries(answers), default: problem },
  };
  return { schema, url };
};
