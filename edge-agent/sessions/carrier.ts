/**
 * Carries the sessions that steps have opened (../sessions.ts): what the opener says goes to the
 * command or connection, what that says goes to the opener, and whichever side ends, the other does.
 */

import type { Ports } from '../../actors/runtime/ports.ts';
import { reasonOf } from '../../actors/runtime/reason.ts';
import { SessionPeer } from '../../actors/runtime/sessions/peer.ts';
import { otelTracing, type Spanned, spanHere } from '../../actors/runtime/tracing.ts';
import {
  type OpenedSession,
  type Refusal,
  refusal,
  type SessionIn,
  type SessionOut,
  sessionOutcome,
} from '../../subjects/index.ts';
import type { Begun, Live, LiveEnd, Output } from '../drivers/driver.ts';
import type { Drivers } from '../drivers/drivers.ts';
import type { SessionInput, SessionReport } from '../jobs.ts';
import { type AttachAround, attach } from './attach.ts';
import { forward } from './forward.ts';

/** What it needs of the drivers. */
type Carrying = Pick<Drivers, 'interact' | 'copy'> & AttachAround['drivers'];
type Tell = (report: SessionReport) => void;

/** Longest reason that is told, in characters: what goes wrong may repeat a long command. */
const DETAIL_MAX = 500;

/** One under way. */
interface Carried {
  readonly session: string;
  readonly as: SessionInput['as'];
  readonly openedAt: number;
  readonly peer: SessionPeer<SessionOut>;
  /** Undefined: it has not begun. */
  live: Live | undefined;
  /** Its opener wants no more of it. */
  isOver: boolean;
  /** Why, where that is not as it should be. */
  because: Refusal | undefined;
}

export class SessionCarrier {
  readonly #ports: Pick<Ports, 'bus' | 'clock'>;
  readonly #node: string;
  readonly #drivers: Carrying;
  readonly #held: AttachAround['held'];
  readonly #carried = new Set<Carried>();

  constructor(
    ports: Pick<Ports, 'bus' | 'clock'>,
    node: string,
    drivers: Carrying,
    held: AttachAround['held'],
  ) {
    this.#ports = ports;
    this.#node = node;
    this.#drivers = drivers;
    this.#held = held;
  }

  /** Begins a session and carries it to its end; tells what becomes of it. */
  async open(input: SessionInput, tell: Tell): Promise<void> {
    const { session } = input;
    const same = [...this.#carried].find((each) => each.session === session);
    if (same) {
      // Asked once more by an actor that has forgotten: nothing is begun twice.
      if (same.live) tell({ session, kind: 'begun' });
      return;
    }
    const carried: Carried = {
      ...{ session, as: input.as, openedAt: this.#ports.clock.now() },
      peer: this.#peer(session, () => carried),
      live: undefined,
      isOver: false,
      because: undefined,
    };
    this.#carried.add(carried);
    const { peer } = carried;
    const span = spanHere(`session ${input.of.kind}`);
    const begun = await otelTracing()
      .within(span.traceparent, () => this.#begin(input, outputOf(peer)))
      .catch((error): Begun => ({ kind: 'not-run', message: reasonOf(error) }));
    if (begun.kind !== 'live') {
      this.#carried.delete(carried);
      const because = refusalOf(begun);
      span.end(because.code);
      peer.end(because);
      return tell({ session, kind: 'over', because });
    }
    carried.live = begun.live;
    // The agent began to go meanwhile.
    if (carried.isOver) begun.live.end();
    tell({ session, kind: 'begun' });
    peer.begin(input.windowBytes);
    const ended = await begun.live.ended;
    endSpan(span, carried, ended);
    if ('refused' in ended) peer.end(ended.refused);
    else peer.mark({ ended });
    // The opener says that it is done when it has had that; a silent one is not waited for long.
    this.#carried.delete(carried);
    tell({ session, kind: 'over' });
  }

  /** Those of a tenant that are being opened or carried. */
  opened(tenant: string): readonly OpenedSession[] {
    const its = [...this.#carried].filter(({ as }) => as.tenant === tenant);
    return its.map(({ session, as, openedAt, peer }) => {
      const { saidBytes, heardBytes } = peer;
      return { session, ...as, openedAt, saidBytes, toldBytes: heardBytes };
    });
  }

  /** Ends one, because somebody wants so; both its sides hear it. One that is over stays so. */
  end(session: string): void {
    const found = [...this.#carried].find((each) => each.session === session);
    found?.peer.end(refusal('session-over', 'somebody ended it (shoal sessions end)'));
  }

  /** Ends every session: the agent is going. */
  async close(): Promise<void> {
    const all = [...this.#carried];
    for (const { peer } of all)
      peer.end(refusal('session-over', 'the agent of the node is stopped'));
    await Promise.all(all.map(({ live }) => live?.ended));
  }

  #peer(session: string, carried: () => Carried): SessionPeer<SessionOut> {
    return SessionPeer.carrier(
      this.#ports,
      { node: this.#node, session },
      {
        frame: (frame, taken) => hear(carried().live, frame, taken),
        over: (because) => {
          carried().isOver = true;
          carried().because = because;
          carried().live?.end();
        },
      },
    );
  }

  async #begin({ name, run, of }: SessionInput, output: Output): Promise<Begun> {
    switch (of.kind) {
      case 'exec':
        return this.#drivers.interact({ name, run, ...of.exec }, output);
      case 'forward':
        return forward(of, output);
      case 'copy':
        return this.#drivers.copy({ name, run, ...of.copy }, output);
      case 'attach':
        return attach({ name, run }, { drivers: this.#drivers, held: this.#held }, output);
    }
  }
}

/** An opener that was done with it earlier `left`; one that went without a word was lost. */
function endSpan(span: Spanned, { isOver, because }: Carried, ended: LiveEnd): void {
  if ('refused' in ended) span.end(ended.refused.code);
  else if (because) span.end(because.code);
  else span.end(undefined, isOver ? 'left' : sessionOutcome(ended));
}

function outputOf(peer: SessionPeer<SessionOut>): Output {
  return {
    write: (bytes, isError) => peer.send(bytes, isError ? { isError } : {}),
    end: () => peer.mark({ isEnd: true }),
  };
}

/** What the opener says comes only after it knows that it has begun. */
function hear(live: Live | undefined, frame: SessionIn, taken: () => void): void {
  const { bytes, isEnd, size, signal } = frame;
  if (bytes) void live?.tell(bytes).then(taken);
  if (isEnd) live?.tellEnd();
  if (size) live?.resize(size);
  if (signal) live?.signal(signal);
}

function refusalOf(begun: Exclude<Begun, { readonly kind: 'live' }>): Refusal {
  if (begun.kind === 'refused') return begun.because;
  const { kind } = begun;
  const message = begun.message.slice(0, DETAIL_MAX);
  switch (kind) {
    case 'not-run':
      return refusal('session-not-begun', message);
    case 'unknown':
      return refusal('instance-not-running', message);
    case 'unsupported':
      return refusal('session-unsupported', message);
  }
}
