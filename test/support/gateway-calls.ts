/** A gateway's API as a patient caller uses it. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { PATIENCE } from './ports.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely
  readonly body: any;
}

export interface CallOptions {
  readonly body?: object;
  /** Idempotency key. */
  readonly key?: string;
  readonly signal?: AbortSignal;
}

/** Below a gateway's `/api/v1/`. */
export type Call = (method: string, path: string, options?: CallOptions) => Promise<Reply>;

/** How long a caller asks again, on a quiet machine. */
const AGAIN_FOR_MS = 30_000;
const AGAIN_MS = 200;

/**
 * What a gateway answers. A look is repeated while the gateway cannot answer now (503, 504), as is
 * everything else by its caller where it matters: nothing here knows what may be done twice.
 */
export async function callGateway(
  gatewayUrl: string,
  ...[method, path, { body, key, signal } = {}]: Parameters<Call>
): Promise<Reply> {
  const deadline = Date.now() + AGAIN_FOR_MS * PATIENCE;
  for (;;) {
    const response = await fetch(`${gatewayUrl}/api/v1/${path}`, {
      method,
      headers: {
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      ...(signal ? { signal } : {}),
    });
    const { status, headers } = response;
    const isLook = method === 'GET' && (status === 503 || status === 504);
    if (!isLook || Date.now() > deadline) return { status, headers, body: await response.json() };
    await response.body?.cancel();
    await pause(AGAIN_MS);
  }
}

/** Applies a pool. */
export const putPool = (call: Call, name: string, spec: object): Promise<Reply> =>
  call('PUT', `pools/${name}`, {
    body: { apiVersion: 'shoal/v1', kind: 'pool', metadata: { name }, spec },
  });

/** A claim on a slot, by a key of its own under which it is asked for until it is held. */
export async function claimed(call: Call, pool: string, body: object = {}): Promise<Reply['body']> {
  const key = randomUUID();
  const deadline = Date.now() + AGAIN_FOR_MS * PATIENCE;
  for (;;) {
    const reply = await call('POST', `pools/${pool}/claims`, { body, key });
    if (reply.status === 201) return reply.body;
    const mayCome = reply.status === 503 || reply.status === 504;
    if (!mayCome || Date.now() > deadline) {
      throw new Error(`no claim on ${pool}: ${reply.status} ${JSON.stringify(reply.body)}`);
    }
    await pause(AGAIN_MS);
  }
}
