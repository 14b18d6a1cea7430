/**
 * Makes sure that every actor answers the NATS services protocol, so that `nats micro ls` and
 * `shoal micro` show the whole system (R7). One invalid answer makes the `nats` command fail for
 * everybody: names are checked here, and every field of the schemas is present.
 *
 * Field rules: nats-measured §13; types `io.nats.micro.v1.*`.
 */
import type { Msg, NatsConnection, Subscription } from 'nats';
import type { Close } from '../ports.ts';
import { subscribeGuarded } from './guard.ts';

/** One line of a service: a subject it listens to, with its counts. */
export interface Endpoint {
  readonly name: string;
  readonly subject: string;
  readonly queue: string;
  readonly requests: number;
  readonly errors: number;
  readonly lastError: string;
  readonly processingNs: number;
}

export interface Service {
  /** `shoal-<actor>`: letters, digits, dashes. */
  readonly name: string;
  readonly id: string;
  /** Semantic version. */
  readonly version: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  endpoints(): readonly Endpoint[];
  /** Further counts, shown as the data of the first endpoint. */
  counts(): Readonly<Record<string, number>>;
}

const NAME = /^[A-Za-z0-9_-]+$/;
const text = new TextEncoder();

/** Answers for a service until closed. With `byIdOnly`, only to asks that name its id. */
export function answerServices(
  connection: NatsConnection,
  service: Service,
  options: { readonly byIdOnly?: boolean } = {},
): Close {
  if (!NAME.test(service.name) || !NAME.test(service.id)) {
    throw new Error(`not a service name: ${service.name} ${service.id}`);
  }
  const started = new Date().toISOString();
  const head = {
    name: service.name,
    id: service.id,
    version: service.version,
    metadata: service.metadata,
  };
  const verbs: Readonly<Record<string, () => object>> = {
    PING: () => ({ type: 'io.nats.micro.v1.ping_response', ...head }),
    INFO: () => ({
      type: 'io.nats.micro.v1.info_response',
      ...head,
      description: service.description,
      endpoints: service.endpoints().map((each) => ({
        name: each.name,
        subject: each.subject,
        queue_group: each.queue,
        metadata: {},
      })),
    }),
    STATS: () => ({
      type: 'io.nats.micro.v1.stats_response',
      ...head,
      started,
      endpoints: service.endpoints().map((each, index) => ({
        name: each.name,
        subject: each.subject,
        queue_group: each.queue,
        num_requests: each.requests,
        num_errors: each.errors,
        last_error: each.lastError,
        processing_time: each.processingNs,
        average_processing_time: Math.round(each.processingNs / Math.max(1, each.requests)),
        data: index === 0 ? service.counts() : {},
      })),
    }),
  };
  const subscriptions: Subscription[] = [];
  for (const [verb, answer] of Object.entries(verbs)) {
    const respond = (message: Msg): void => {
      message.respond(text.encode(JSON.stringify(answer())));
    };
    const scopes = [`.${service.name}.${service.id}`];
    if (!options.byIdOnly) scopes.push('', `.${service.name}`);
    for (const scope of scopes) {
      subscriptions.push(subscribeGuarded(connection, `$SRV.${verb}${scope}`, respond));
    }
  }
  return () => {
    for (const each of subscriptions) each.unsubscribe();
  };
}
