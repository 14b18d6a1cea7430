/**
 * The one catalogue of refusals: everything Shoal says no with. A refusal is data, part of a
 * reply, never thrown. A code, once released, keeps its meaning and is never used for another.
 */
import { z } from 'zod';
import { clipped } from './clipped.ts';
import { poolRefusals } from './pool-refusals.ts';
import { rolloutRefusals } from './rollout-refusals.ts';
import { sessionRefusals } from './session-refusals.ts';
import { streamRefusals } from './stream-refusals.ts';

/** Whether asking again can help: `never` as it is, `later` as it is, `elsewhere` at another place. */
export type Retry = 'never' | 'later' | 'elsewhere';

interface Entry {
  readonly http: number;
  /** Name of the gRPC status. */
  readonly grpc: string;
  readonly retry: Retry;
  /** For the person who asked. */
  readonly user: string;
  /** For the person who runs the fabric. */
  readonly operator: string;
}

export const refusals = {
  'request-malformed': {
    http: 400,
    grpc: 'INVALID_ARGUMENT',
    retry: 'never',
    user: 'The request is not valid; the details name the place.',
    operator: 'A caller sent something no schema accepts. Nothing was changed.',
  },
  'manifest-malformed': {
    http: 422,
    grpc: 'INVALID_ARGUMENT',
    retry: 'never',
    user: 'The manifest is not valid; the details name line and key.',
    operator: 'A caller sent a manifest no schema accepts. Nothing was changed.',
  },
  'body-too-large': {
    http: 413,
    grpc: 'RESOURCE_EXHAUSTED',
    retry: 'never',
    user: 'The body is larger than this call allows.',
    operator: 'A caller sent a body above the contract limit; it was not read to its end.',
  },
  'media-type-unsupported': {
    http: 415,
    grpc: 'INVALID_ARGUMENT',
    retry: 'never',
    user: 'Send application/json or application/yaml.',
    operator: 'A caller sent a body of a type the gateway does not read.',
  },
  'route-unknown': {
    http: 404,
    grpc: 'UNIMPLEMENTED',
    retry: 'never',
    user: 'There is nothing at this path; /openapi.json lists what there is.',
    operator: 'A caller asked for a path the gateway does not serve.',
  },
  'method-not-allowed': {
    http: 405,
    grpc: 'UNIMPLEMENTED',
    retry: 'never',
    user: 'This path does not take this method; the Allow header lists those it takes.',
    operator: 'A caller used a method that the path does not have.',
  },
  'letter-not-found': {
    http: 404,
    grpc: 'NOT_FOUND',
    retry: 'never',
    user: 'There is no dead letter of this id; `shoal dead ls` lists them.',
    operator: 'A caller named a dead letter that does not exist, or was replayed or dropped.',
  },
  'letter-not-replayable': {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retry: 'never',
    user: 'This letter holds no work item that could be put back; what it tells of is tried again by itself.',
    operator: 'A replay was asked for a message that is no work item, or is kept only in part.',
  },
  'rate-limited': {
    http: 429,
    grpc: 'RESOURCE_EXHAUSTED',
    retry: 'later',
    user: 'Too many requests; wait as long as Retry-After says.',
    operator: 'One address asked more often than the gateway allows (SHOAL_RATE_LIMIT).',
  },
  'workload-not-found': {
    http: 404,
    grpc: 'NOT_FOUND',
    retry: 'never',
    user: 'There is no workload of this name; `shoal get workloads` lists them.',
    operator: 'A caller named a workload that does not exist or is gone.',
  },
  'workload-exists': {
    http: 409,
    grpc: 'ALREADY_EXISTS',
    retry: 'never',
    user: 'A workload of this name exists; change it with PUT, or choose another name.',
    operator: 'A create met a workload of the same name. Nothing was changed.',
  },
  'workload-deleting': {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retry: 'later',
    user: 'The workload of this name is being deleted; try again when it is gone.',
    operator: 'A write met a workload whose instances are still stopping.',
  },
  'workload-kind-fixed': {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retry: 'never',
    user: 'A workload keeps its kind; delete it first, or choose another name.',
    operator: 'An update tried to turn a service into a job or the reverse.',
  },
  'job-fixed': {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retry: 'never',
    user: 'A job keeps its spec, except its count; delete it first, or choose another name.',
    operator: 'An update tried to change a job that was accepted already.',
  },
  'job-finished': {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retry: 'never',
    user: 'The job has ended; delete it to run it again.',
    operator: 'A write met a job that already has its outcome.',
  },
  'generation-stale': {
    http: 412,
    grpc: 'FAILED_PRECONDITION',
    retry: 'never',
    user: 'It has changed since you read it; read it again and repeat your change.',
    operator: 'An If-Match named an older generation. Nothing was changed.',
  },
  ...poolRefusals,
  ...rolloutRefusals,
  ...streamRefusals,
  ...sessionRefusals,
  'host-taken': {
    http: 409,
    grpc: 'ALREADY_EXISTS',
    retry: 'never',
    user: 'Another workload serves this host name; choose another one.',
    operator: 'Two workloads ask for the same ingress host; the first one keeps it.',
  },
  'driver-unknown': {
    http: 422,
    grpc: 'FAILED_PRECONDITION',
    retry: 'never',
    user: 'No node offers this driver; the details list those there are.',
    operator: 'A spec names a driver that no enrolled node offers.',
  },
  'spec-unplaceable': {
    http: 422,
    grpc: 'FAILED_PRECONDITION',
    retry: 'never',
    user: 'No node could hold this even if it were empty; the details say what removed how many.',
    operator: 'A spec asks for more than any enrolled node has, whatever else runs there.',
  },
  'schedule-not-found': {
    http: 404,
    grpc: 'NOT_FOUND',
    retry: 'never',
    user: 'There is no schedule of this name; `shoal get schedules` lists them.',
    operator: 'A caller named a schedule that does not exist or is gone.',
  },
  'schedule-exists': {
    http: 409,
    grpc: 'ALREADY_EXISTS',
    retry: 'never',
    user: 'A schedule of this name exists; change it with PUT, or choose another name.',
    operator: 'A create met a schedule of the same name. Nothing was changed.',
  },
  'schedule-running': {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retry: 'later',
    user: 'An earlier run is not over; wait for it, delete it, or let runs overlap.',
    operator: 'A schedule whose runs must not overlap was triggered while one was under way.',
  },
  'instance-not-found': {
    http: 404,
    grpc: 'NOT_FOUND',
    retry: 'never',
    user: 'There is no instance of this id; `shoal get instances` lists them.',
    operator: 'A caller named an instance that does not exist or is gone.',
  },
  'node-not-found': {
    http: 404,
    grpc: 'NOT_FOUND',
    retry: 'never',
    user: 'There is no node of this id; `shoal node ls` lists them.',
    operator: 'A caller named a node that has never joined or was removed.',
  },
  'protocol-unsupported': {
    http: 503,
    grpc: 'UNAVAILABLE',
    retry: 'later',
    user: 'Parts of this fabric are too many versions apart; `shoal version` shows which to upgrade.',
    operator:
      'A program more than one protocol away was refused; upgrade or roll back by one step.',
  },
  'node-taken': {
    http: 409,
    grpc: 'ALREADY_EXISTS',
    retry: 'never',
    user: 'Another agent speaks for this node; give this one another --node.',
    operator: 'Two agents with different identities claim one node id; the newcomer is refused.',
  },
  'host-unrouted': {
    http: 404,
    grpc: 'NOT_FOUND',
    retry: 'never',
    user: 'No workload serves this host name.',
    operator: 'The ingress got a request for a host name no route names.',
  },
  'endpoints-none': {
    http: 503,
    grpc: 'UNAVAILABLE',
    retry: 'later',
    user: 'The workload has no ready instance at the moment.',
    operator: 'The ingress has a route for the host but no instance behind it is ready.',
  },
  'endpoint-failed': {
    http: 502,
    grpc: 'UNAVAILABLE',
    retry: 'later',
    user: 'The instance that was asked did not answer.',
    operator: 'The ingress could not complete a request to an instance that counted as ready.',
  },
  'conflict-persistent': {
    http: 409,
    grpc: 'ABORTED',
    retry: 'later',
    user: 'Others keep changing the same thing; try again.',
    operator: 'A step lost its compare-and-set more often than the runtime repeats it.',
  },
  overloaded: {
    http: 503,
    grpc: 'UNAVAILABLE',
    retry: 'later',
    user: 'Too much is waiting at the moment; try again shortly.',
    operator: 'A mailbox or queue is at its limit; see shoal_mailbox_messages.',
  },
  'store-unavailable': {
    http: 503,
    grpc: 'UNAVAILABLE',
    retry: 'later',
    user: 'The store does not answer at the moment; nothing was changed or it will show. Try again.',
    operator: 'A write got no answer from JetStream in time; look at nats-server and its disk.',
  },
  'store-full': {
    http: 503,
    grpc: 'UNAVAILABLE',
    retry: 'later',
    user: 'The disk of the store is full; nothing can be changed until there is room. What runs goes on.',
    operator:
      'No space is left on the partition of store_dir; make room. See docs/how-to/store-trouble.md.',
  },
  'store-read-only': {
    http: 503,
    grpc: 'UNAVAILABLE',
    retry: 'later',
    user: 'The disk of the store is read-only; nothing can be changed for now. What runs goes on.',
    operator:
      'The file system of store_dir takes no writes; repair it. See docs/how-to/store-trouble.md.',
  },
  'store-limit-reached': {
    http: 503,
    grpc: 'UNAVAILABLE',
    retry: 'later',
    user: 'The store holds as much as it may; nothing was changed. Delete something, then try again.',
    operator:
      'A stream is at max_bytes, or nats-server at max_file_store. See docs/how-to/store-trouble.md.',
  },
  'ask-outdated': {
    http: 503,
    grpc: 'UNAVAILABLE',
    retry: 'later',
    user: 'This has changed since you last looked; try again.',
    operator:
      'An ask came after a change that its sender had not seen. One that waits is asked anew; a copy that came late is to be refused.',
  },
  'actor-unavailable': {
    http: 503,
    grpc: 'UNAVAILABLE',
    retry: 'later',
    user: 'The part that decides this does not answer at the moment; try again.',
    operator: 'A request found no actor or got no answer in time; see `shoal micro`.',
  },
  'actor-fault': {
    http: 500,
    grpc: 'INTERNAL',
    retry: 'later',
    user: 'Shoal made a mistake; the id leads to it in the log.',
    operator: 'A step threw; the actor restarted from the store. The log has id and stack.',
  },
} as const satisfies Record<string, Entry>;

export type RefusalCode = keyof typeof refusals;

/** What a code may look like, also one that a newer version has added. */
const CODE = /^[a-z]+(-[a-z]+)*$/;

/**
 * A refusal as it travels: the code, one sentence about this case, and the places that are wrong.
 * Codes are open: a newer version may say no with one that this catalogue lacks, and then `status`
 * tells which kind it is (`meaningOf`).
 */
export interface Refusal {
  readonly code: string;
  readonly detail: string;
  readonly places?: readonly { readonly path: string; readonly message: string }[] | undefined;
  /** HTTP status of the code, for readers that do not know it. */
  readonly status?: number | undefined;
}

/** Most bytes of a detail within JSON: it fits into every answer and frame that tells a refusal. */
const DETAIL_BYTES_MAX = 2_000;

export const refusalSchema: z.ZodType<Refusal> = z.object({
  code: z.string().max(64).regex(CODE, 'a code: words in lower case with dashes'),
  detail: z.string().max(2000),
  places: z
    .array(z.object({ path: z.string(), message: z.string() }))
    .max(50)
    .optional(),
  status: z.number().int().min(400).max(599).optional(),
});

/** Refusals that tell of the store, not of what was asked: waiting for it is not failing. */
export const storeRefusals: ReadonlySet<string> = new Set<RefusalCode>([
  'store-unavailable',
  'store-full',
  'store-read-only',
  'store-limit-reached',
]);

/** Makes a refusal. */
export function refusal(code: RefusalCode, detail: string): Refusal {
  return { code, detail: clipped(detail, DETAIL_BYTES_MAX) };
}

/** What the catalogue says of a refusal; of a code it lacks, what its status says. */
export function meaningOf({ code, status = 500 }: Refusal): Entry {
  if (Object.hasOwn(refusals, code)) return refusals[code as RefusalCode];
  return {
    http: status,
    grpc: grpcOf[status] ?? (status < 500 ? 'FAILED_PRECONDITION' : 'INTERNAL'),
    retry: status === 429 || status >= 500 ? 'later' : 'never',
    user: 'This was refused for a reason this version does not know; the detail says which.',
    operator: 'A newer program refused with a code of its own; see `shoal version`.',
  };
}

/** gRPC status of a refusal whose code is not known, by HTTP status. */
const grpcOf: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  413: 'RESOURCE_EXHAUSTED',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
};

/** What every reply body is: the contract's value, or a refusal. */
export type Answer<R> =
  | { readonly ok: true; readonly value: R }
  | { readonly ok: false; readonly refusal: Refusal };

/** A refusal as it is sent: with its status, for readers that do not know its code. */
export function refusalToSend(because: Refusal): Refusal {
  return { ...because, status: meaningOf(because).http };
}

/** Answers' schemas by their reply's: a schema costs a hundred times what reading an answer does. */
const answerSchemas = new WeakMap<z.ZodType, z.ZodType>();

/** Schema of the reply body for a contract's reply schema; the same one each time. */
export function answerSchema<R>(reply: z.ZodType<R>): z.ZodType<Answer<R>> {
  let schema = answerSchemas.get(reply);
  if (!schema) {
    schema = z.discriminatedUnion('ok', [
      z.object({ ok: z.literal(true), value: reply }),
      z.object({ ok: z.literal(false), refusal: refusalSchema }),
    ]);
    answerSchemas.set(reply, schema);
  }
  return schema as unknown as z.ZodType<Answer<R>>;
}
