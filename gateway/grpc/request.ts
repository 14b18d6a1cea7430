/**
 * Makes sure that what a method is asked is the same question over HTTP: path, query, headers and
 * body of its operation. Nothing is decided here; what the operation's schemas do not take, its
 * route refuses.
 */
import { type Answer, refusal } from '../../subjects/index.ts';
import { InvalidPartError } from '../http/error-refusal.ts';
import type { Operation } from '../http/operations.ts';
import type { Json } from './message.ts';
import type { Method } from './methods.ts';

/** A call of the HTTP API. */
export interface HttpCall {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** The call a request stands for. */
export function httpCall(method: Method, operation: Operation, asked: Json): Answer<HttpCall> {
  // An empty part of a path would be another path.
  const parts = operation.params?.safeParse(asked);
  if (parts && !parts.success) {
    return { ok: false, refusal: new InvalidPartError('params', parts.error.issues).refusal };
  }
  const { ifGeneration, createOnly, idempotencyKey, manifest, manifestText, ...rest } = asked;
  if (operation.takesManifest && manifest !== undefined && manifestText !== undefined) {
    const detail = 'there are both manifest and manifest_text; send one of them';
    return { ok: false, refusal: refusal('request-malformed', detail) };
  }
  const headers = {
    accept: 'application/json',
    ...(ifGeneration === undefined ? {} : { 'if-match': `"${ifGeneration}"` }),
    ...(createOnly === true ? { 'if-none-match': '*' } : {}),
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': String(idempotencyKey) }),
  };
  const body = operation.takesManifest
    ? manifestBody(manifest, manifestText)
    : jsonBody(operation, rest);
  const path = operation.path.replace(/:(\w+)/g, (_, name: string) =>
    encodeURIComponent(String(asked[name])),
  );
  const value: HttpCall = {
    ...{ method: operation.method, path, query: queryOf(method, operation, rest) },
    headers: { ...headers, ...(body ? { 'content-type': body.type } : {}) },
    body: body?.text,
  };
  return { ok: true, value };
}

/** The query as text, as a caller would write it. */
export function queryOf(method: Method, operation: Operation, asked: Json): HttpCall['query'] {
  const own = Object.keys(operation.query?.shape ?? {}).filter((key) => asked[key] !== undefined);
  const given = own.map((key): [string, string | readonly string[]] => {
    const value = asked[key];
    return [key, Array.isArray(value) ? value.map(String) : String(value)];
  });
  return { ...Object.fromEntries(given), ...method.fixed };
}

interface Body {
  readonly type: string;
  readonly text: string;
}

function manifestBody(manifest: unknown, text: unknown): Body | undefined {
  if (manifest !== undefined) return { type: 'application/json', text: JSON.stringify(manifest) };
  return text === undefined ? undefined : { type: 'application/yaml', text: String(text) };
}

/** What belongs neither into the path nor the query. */
function jsonBody({ params, query, body }: Operation, asked: Json): Body | undefined {
  if (!body) return undefined;
  const elsewhere = new Set([
    ...Object.keys(params?.shape ?? {}),
    ...Object.keys(query?.shape ?? {}),
  ]);
  const own = Object.entries(asked).filter(([key]) => !elsewhere.has(key));
  return { type: 'application/json', text: JSON.stringify(Object.fromEntries(own)) };
}
