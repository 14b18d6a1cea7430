/**
 * The operations of the API as its routes declare them: what documents are made from, and what
 * another door (gateway/grpc) leads to.
 */
import type { FastifyInstance, RouteOptions } from 'fastify';
import type { z } from 'zod';

/** One call, as its route declares it. */
export interface Operation {
  readonly id: string;
  readonly method: string;
  /** With its prefix; parameters as `:name`. */
  readonly path: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly params: z.ZodObject | undefined;
  readonly query: z.ZodObject | undefined;
  readonly headers: z.ZodObject | undefined;
  readonly body: z.ZodType | undefined;
  /** The body is a manifest, in JSON or YAML. */
  readonly takesManifest: boolean;
  /** By status: a schema, or one per media type. */
  readonly answers: Readonly<Record<string, unknown>>;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** By id, in the order of their routes. */
    readonly operations: ReadonlyMap<string, Operation>;
  }
}

interface Declared {
  readonly operationId?: string;
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly params?: z.ZodObject;
  readonly querystring?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly response?: Readonly<Record<string, unknown>>;
}

/** Notes the operations of all routes added from now on. */
export function noteOperations(app: FastifyInstance): void {
  const operations = new Map<string, Operation>();
  app.decorate('operations', operations);
  app.addHook('onRoute', ({ method, url, schema, config }: RouteOptions) => {
    const declared = (schema ?? {}) as Declared;
    const { operationId: id, tags = [], summary = '' } = declared;
    // The method HEAD of a route is no operation of its own.
    if (id === undefined || method === 'HEAD') return;
    operations.set(id, {
      ...{ id, method: String(method), path: url, tags, summary },
      ...{ params: declared.params, query: declared.querystring, headers: declared.headers },
      ...{ body: declared.body, answers: declared.response ?? {} },
      takesManifest: config?.takesManifest === true,
    });
  });
}
