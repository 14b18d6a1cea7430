/**
 * Makes sure that copies that stand by learn soon that whoever acts is gone, with one question to
 * each process that holds leases and not one for each of them.
 *
 * I1  A lease is told that its holder is gone by a question about this lease alone: who gave one
 *     back may hold the others.
 * I2  Who relied on the question about another lease asks for itself as soon as that one shows that
 *     nobody listens: all leases of a process that died are taken together.
 */
import { address, contentType, encode, leaseProbe } from '../../subjects/index.ts';
import { type Ports, TYPE_HEADER } from './ports.ts';

/** How often one that stands by looks whether a holder is there, in milliseconds. */
export const LOOK_MS = 500;

/** Who looks whether the holder of its lease is there; one of these is called. */
export interface Looking {
  /** It was there a moment ago, or it is not known. */
  there(): void;
  /** The server says that nobody listens. */
  gone(): void;
  /** Another lease's holder of this name is gone: look again. */
  again(): void;
}

interface Asked {
  /** By `elapsed`. */
  readonly at: number;
  isAnswered: boolean;
  /** Those who have not been told anything yet. */
  readonly waiting: Looking[];
  /** By actor: those who relied on questions about other leases of this holder. */
  readonly relying: Map<string, Looking>;
}

/** What the copies in one process know of those that hold their leases. */
export class Holders {
  readonly #ports: Pick<Ports, 'bus' | 'clock'>;
  /** The last question to each holder. */
  readonly #asked = new Map<string, Asked>();

  constructor(ports: Pick<Ports, 'bus' | 'clock'>) {
    this.#ports = ports;
  }

  /** Finds out whether the holder of an actor's lease is there: by asking, or by who has just asked. */
  look({ actor, holder }: { actor: string; holder: string }, looking: Looking): void {
    const before = this.#asked.get(holder);
    if (before && this.#ports.clock.elapsed() - before.at < LOOK_MS) {
      before.relying.set(actor, looking);
      if (before.isAnswered) looking.there();
      else before.waiting.push(looking);
      return;
    }
    const relying = before?.relying ?? new Map<string, Looking>();
    relying.delete(actor);
    this.#ask(actor, holder, relying, looking);
  }

  #ask(actor: string, holder: string, relying: Asked['relying'], looking: Looking): void {
    const { bus, clock } = this.#ports;
    const asked: Asked = { at: clock.elapsed(), isAnswered: false, waiting: [], relying };
    for (const [each, { at }] of this.#asked) {
      // Nobody looks at it any more.
      if (asked.at - at >= 2 * LOOK_MS) this.#asked.delete(each);
    }
    this.#asked.set(holder, asked);
    const message = {
      subject: address(leaseProbe, { actor, holder }),
      body: encode(leaseProbe, {}),
      headers: { [TYPE_HEADER]: contentType[leaseProbe.codec] },
    };
    bus.request(message, leaseProbe.timeoutMs, ({ kind }) => {
      asked.isAnswered = true;
      if (kind !== 'none') {
        looking.there();
        for (const each of asked.waiting) each.there();
        return;
      }
      if (this.#asked.get(holder) === asked) this.#asked.delete(holder);
      looking.gone();
      for (const each of relying.values()) each.again();
    });
  }
}
