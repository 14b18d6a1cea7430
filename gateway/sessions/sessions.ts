/**
 * The sessions a gateway holds open for its callers: each is asked of the agent whose node runs the
 * instance, then carried between the caller's WebSocket and the bus.
 */
import { ask } from '../../actors/runtime/ask.ts';
import type { Ports } from '../../actors/runtime/ports.ts';
import { SessionPeer } from '../../actors/runtime/sessions/peer.ts';
import { otelTracing } from '../../actors/runtime/tracing.ts';
import {
  type Answer,
  type Refusal,
  refusal,
  type SessionIn,
  type SessionOpen,
  type SessionOut,
  sessionKind,
  sessionOpen,
  sessionOutcome,
} from '../../subjects/index.ts';

/**
 * Most sessions a gateway holds open: with a window each way they are 64 MiB at most, which is what
 * the server keeps for a connection that reads slowly.
 */
export const SESSIONS_MAX = 256;

/** What is wanted of an instance. */
export type Wanted = Pick<
  SessionOpen,
  'tenant' | 'instance' | 'sidecar' | 'caller' | 'exec' | 'forward' | 'copy' | 'attach'
>;

/** A caller's end of a session: hears what comes, and that it is over. */
export interface Caller {
  frame(frame: SessionOut, taken: () => void): void;
  /** It is over; with a reason where it is not as it should be. */
  over(because: Refusal | undefined): void;
}

/** An open session: what the caller does with it. */
export type Opened = Pick<SessionPeer<SessionIn>, 'send' | 'mark' | 'urge' | 'end'>;

export class Sessions {
  readonly #ports: Pick<Ports, 'bus' | 'clock' | 'newId'>;
  readonly #tracing = otelTracing();
  readonly #open = new Set<SessionPeer<SessionIn>>();
  #isStopping = false;

  constructor(ports: Pick<Ports, 'bus' | 'clock' | 'newId'>) {
    this.#ports = ports;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Asks the agent of a node; the caller hears of it only where it is opened. What `traceparent`
   * names has a span for as long as the session lasts, and the agent's part of it below that.
   */
  async open(
    node: string,
    wanted: Wanted,
    caller: Caller,
    traceparent?: string,
  ): Promise<Answer<Opened>> {
    if (this.#isStopping) return no(stopping);
    if (this.#open.size >= SESSIONS_MAX) {
      return no(refusal('sessions-at-limit', `this gateway holds ${SESSIONS_MAX} sessions`));
    }
    const session = this.#ports.newId();
    let isOpened = false;
    const span = this.#tracing.span(`session ${sessionKind(wanted)}`, traceparent);
    let outcome = 'left';
    const peer: SessionPeer<SessionIn> = SessionPeer.opener(
      this.#ports,
      { node, session },
      {
        frame: (frame, taken) => {
          if (frame.ended) outcome = sessionOutcome(frame.ended);
          caller.frame(frame, taken);
        },
        over: (because) => {
          this.#open.delete(peer);
          if (because) span.end(because.code);
          else span.end(undefined, outcome);
          if (isOpened) caller.over(because);
        },
      },
    );
    this.#open.add(peer);
    const asked = { session, ...wanted, windowBytes: peer.windowBytes };
    const asking = this.#tracing.span(`ask ${sessionOpen.name}`, span.traceparent);
    const options = { traceparent: asking.traceparent };
    const { answer } = await ask(this.#ports, sessionOpen, { node }, asked, options);
    asking.end(answer.ok ? undefined : answer.refusal.code);
    if (!answer.ok) {
      peer.end(answer.refusal);
      return answer;
    }
    // The gateway began to stop meanwhile; the agent has heard so.
    if (!this.#open.has(peer)) return no(stopping);
    isOpened = true;
    peer.begin(answer.value.windowBytes);
    return { ok: true, value: peer };
  }

  /** Ends all of them; none is opened any more. */
  stop(): void {
    this.#isStopping = true;
    for (const peer of [...this.#open]) peer.end(stopping);
  }
}

const stopping = refusal('session-over', 'the gateway is being stopped');

function no(because: Refusal): Answer<never> {
  return { ok: false, refusal: because };
}
