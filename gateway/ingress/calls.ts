/** Counts the calls that each endpoint has in hand, and remembers which did not take one lately. */
import { type Endpoint, placeOf } from './endpoints.ts';

/**
 * How long an endpoint that could not be reached is left out, in milliseconds, where there are
 * others: until its node has noticed and says that it is not ready.
 */
const LEFT_OUT_MS = 1_000;

export class Calls {
  readonly #underWay = new Map<string, { readonly endpoint: Endpoint; calls: number }>();
  readonly #failedAt = new Map<string, number>();
  readonly #now: () => number;
  #all = 0;

  /** `now`: milliseconds that never go back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Calls under way at all endpoints. */
  get all(): number {
    return this.#all;
  }

  /** Calls under way at an endpoint. */
  at(endpoint: Endpoint): number {
    return this.#underWay.get(placeOf(endpoint))?.calls ?? 0;
  }

  /** Endpoints with calls under way. */
  *endpoints(): Generator<Endpoint> {
    for (const { endpoint } of this.#underWay.values()) yield endpoint;
  }

  /** A call begins; what is returned ends it, once. */
  begin(endpoint: Endpoint): () => void {
    const place = placeOf(endpoint);
    const at = this.#underWay.get(place) ?? { endpoint, calls: 0 };
    this.#underWay.set(place, at);
    at.calls++;
    this.#all++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#all--;
      at.calls--;
      if (at.calls === 0) this.#underWay.delete(place);
    };
  }

  /** An endpoint could not be reached. */
  failed(endpoint: Endpoint): void {
    this.#failedAt.set(placeOf(endpoint), this.#now());
  }

  /** Those that can be expected to answer; all of them where that is none. */
  likely(endpoints: readonly Endpoint[]): readonly Endpoint[] {
    if (this.#failedAt.size === 0) return endpoints;
    const now = this.#now();
    for (const [place, at] of this.#failedAt) {
      if (now - at >= LEFT_OUT_MS) this.#failedAt.delete(place);
    }
    const likely = endpoints.filter((each) => !this.#failedAt.has(placeOf(each)));
    return likely.length > 0 ? likely : endpoints;
  }
}
