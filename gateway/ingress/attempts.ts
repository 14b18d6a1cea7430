/**
 * Makes sure that a call which one instance did not take goes to another, and that nothing is done
 * twice by that: what an instance never had, any other may have; what it may have had, only if doing
 * it again changes nothing (RFC 9110 §9.2.2).
 */
import type { IncomingMessage } from 'node:http';
import { AttemptBody } from './body.ts';
import type { Endpoint } from './endpoints.ts';
import type { Meaning } from './failure.ts';

/** Instances that may hold a call up and not take it: with more its caller waits for what is most likely down. */
const ATTEMPTS_MAX = 3;
/** Instances that a call is sent to at most: of a node that died, each refuses at once. */
const TRIED_MAX = 32;

const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** One call, from its first endpoint to the one that answers it. */
export class Attempts {
  /** Instances it was sent to. */
  readonly tried = new Set<string>();
  readonly #method: string;
  #endpoint: Endpoint | undefined;
  #body: AttemptBody | undefined;
  #end: () => void = () => undefined;
  #heldUp = 0;
  #isOver = false;

  constructor(method: string) {
    this.#method = method;
  }

  /** Where it was sent last. */
  get endpoint(): Endpoint {
    if (!this.#endpoint) throw new Error('a call was forwarded before it had a way');
    return this.#endpoint;
  }

  /** It goes to an endpoint; `end` is called when that is over, however it ends. */
  begin(endpoint: Endpoint, end: () => void): void {
    this.#end();
    this.#endpoint = endpoint;
    this.#end = end;
    this.tried.add(endpoint.instance);
  }

  /** Its body for the endpoint it goes to now. */
  bodyOf(request: IncomingMessage): AttemptBody {
    this.#body = new AttemptBody(request);
    return this.#body;
  }

  /** The call is over: it was answered, or its caller has gone. */
  end(): void {
    this.#isOver = true;
    this.#end();
  }

  /** The instance failed so. Returns whether another one may be sent the call. */
  failed({ kind }: Meaning): boolean {
    if (kind !== 'refused') this.#heldUp++;
    const isEnough = this.#heldUp >= ATTEMPTS_MAX || this.tried.size >= TRIED_MAX;
    if (this.#isOver || isEnough || this.#body?.isTouched) return false;
    return (
      kind === 'refused' ||
      kind === 'not-taken' ||
      (kind === 'hung-up' && idempotent.has(this.#method))
    );
  }
}
