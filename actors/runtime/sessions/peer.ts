/**
 * Makes sure that one side of a session keeps its books (flow.ts) on a real bus, and that it is over
 * within seconds when the other side, or the bus between them, is gone. What is carried is its
 * owner's business.
 */
import {
  address,
  contentType,
  type Decodable,
  decode,
  type EventContract,
  encode,
  type Refusal,
  type RefusalCode,
  refusal,
  SESSION_WINDOW,
  type SessionIn,
  type SessionOut,
  sessionControl,
  sessionIn,
  sessionOut,
} from '../../../subjects/index.ts';
import { type Close, type Ports, TYPE_HEADER } from '../ports.ts';
import {
  BEAT_MS,
  type Flow,
  type Frame,
  grant,
  hear,
  hearTold,
  newFlow,
  nextFrame,
  type Piece,
  silence,
  take,
  tell,
  urgentFrame,
} from './flow.ts';

/** Where a session is: the subjects it is carried on. */
export interface SessionPlace {
  readonly node: string;
  readonly session: string;
}

/** What the owner of a side is told; nothing after `over`, which comes once. */
export interface PeerEvents<F> {
  /** The next frame; `taken` says that its bytes were passed on, so that more may come. */
  frame(frame: F, taken: () => void): void;
  /** It is over: as the other side wished (undefined), or for this reason. */
  over(because: Refusal | undefined): void;
}

type PeerPorts = Pick<Ports, 'bus' | 'clock'>;
type Side = 'opener' | 'carrier';
type FrameContract = EventContract<'shoal.session.{node}.{session}.in', Frame>;
const noBytes = new Uint8Array(0);
const headers = { [TYPE_HEADER]: contentType.msgpack };

/** One side of one session. `S`: the frames it says. */
export class SessionPeer<S extends Frame> {
  readonly #ports: PeerPorts;
  readonly #place: SessionPlace;
  readonly #side: Side;
  readonly #says: FrameContract;
  readonly #flow: Flow;
  readonly #events: PeerEvents<Frame>;
  readonly #close: Close[] = [];
  #cancelBeat: Close = () => undefined;
  #isOver = false;

  private constructor(
    ports: PeerPorts,
    place: SessionPlace,
    side: Side,
    events: PeerEvents<Frame>,
  ) {
    const [says, hears] = side === 'opener' ? [sessionIn, sessionOut] : [sessionOut, sessionIn];
    this.#ports = ports;
    this.#place = place;
    this.#side = side;
    this.#says = says as unknown as FrameContract;
    this.#events = events;
    this.#flow = newFlow(SESSION_WINDOW, ports.clock.elapsed());
    const { bus } = ports;
    this.#close.push(
      bus.subscribe(address(hears, place), undefined, ({ body }) =>
        this.#heard(hears as unknown as Decodable<Frame>, body),
      ),
      bus.subscribe(address(sessionControl, place), undefined, ({ body }) => this.#told(body)),
    );
  }

  /** The side that asks for it; it listens from now on, and says nothing before `begin`. */
  static opener(ports: PeerPorts, place: SessionPlace, events: PeerEvents<SessionOut>) {
    const any = events as unknown as PeerEvents<Frame>;
    return new SessionPeer<SessionIn>(ports, place, 'opener', any);
  }

  /** The side that was asked, likewise. */
  static carrier(ports: PeerPorts, place: SessionPlace, events: PeerEvents<SessionIn>) {
    const any = events as unknown as PeerEvents<Frame>;
    return new SessionPeer<SessionOut>(ports, place, 'carrier', any);
  }

  /** What this side takes before it has said that it took it, in bytes. */
  get windowBytes(): number {
    return this.#flow.windowBytes;
  }

  /** Bytes this side has said, and heard, so far. */
  get saidBytes(): number {
    return this.#flow.saidBytes;
  }

  get heardBytes(): number {
    return this.#flow.heardBytes;
  }

  /** The other side is known to be there, and takes so much: from now on it must be heard. */
  begin(peerWindowBytes: number): void {
    if (this.#isOver) return;
    grant(this.#flow, peerWindowBytes, this.#ports.clock.elapsed());
    this.#beat();
    this.#pump();
  }

  /** Says bytes, after all before them; resolves when they are on their way, or it is over. */
  send(bytes: Uint8Array, marks: Omit<S, keyof Frame> | object = {}): Promise<void> {
    if (this.#isOver || bytes.length === 0) return Promise.resolve();
    return new Promise((said) => this.#offer({ bytes, marks: { ...marks }, said }));
  }

  /** Says a frame without bytes, after all before it. */
  mark(marks: Omit<S, keyof Frame>): void {
    this.#offer({ bytes: noBytes, marks, said: () => undefined });
  }

  /** Says a frame without bytes at once, whatever waits. */
  urge(marks: Omit<S, keyof Frame>): void {
    if (!this.#isOver) this.#publish(urgentFrame(this.#flow, marks));
  }

  /** This side is done: the other one hears so, or why it is not as it should be. */
  end(because?: Refusal): void {
    if (this.#isOver) return;
    // Made anew: what somebody else refused with may be longer than a frame.
    const end = because && refusal(because.code as RefusalCode, because.detail);
    this.#tell(end ? { end } : { isDone: true });
    this.#finish(because);
  }

  #offer(piece: Piece): void {
    if (this.#isOver) return piece.said();
    this.#flow.waiting.push(piece);
    this.#pump();
  }

  /** Says what may be said. */
  #pump(): void {
    for (;;) {
      const frame = this.#isOver ? undefined : nextFrame(this.#flow);
      if (!frame) return;
      this.#publish(frame);
    }
  }

  #publish(frame: Frame): void {
    const body = encode(this.#says, frame);
    this.#ports.bus.publish({ subject: address(this.#says, this.#place), body, headers });
  }

  #tell(more: { readonly end?: Refusal; readonly isDone?: true } = {}): void {
    const told = { from: this.#side, ...tell(this.#flow), ...more };
    const body = encode(sessionControl, told);
    this.#ports.bus.publish({ subject: address(sessionControl, this.#place), body, headers });
  }

  #heard(contract: Decodable<Frame>, body: Uint8Array): void {
    if (this.#isOver) return;
    const decoded = decode(contract, body);
    if (!decoded.ok) return this.end(unreadable(decoded.reason));
    const outcome = hear(this.#flow, decoded.value, this.#ports.clock.elapsed());
    if (outcome === 'again') return;
    if (outcome !== 'new') return this.end(outcome);
    const size = decoded.value.bytes?.length ?? 0;
    let isTaken = false;
    this.#events.frame(decoded.value, () => {
      if (isTaken || this.#isOver) return;
      isTaken = true;
      if (take(this.#flow, size)) this.#tell();
    });
  }

  #told(body: Uint8Array): void {
    if (this.#isOver) return;
    const decoded = decode(sessionControl, body);
    if (!decoded.ok) return this.end(unreadable(decoded.reason));
    const { from, end, isDone, ...told } = decoded.value;
    if (from === this.#side) return;
    if (end || isDone) return this.#finish(end);
    const because = hearTold(this.#flow, told, this.#ports.clock.elapsed());
    if (because) return this.end(because);
    this.#pump();
  }

  #beat(): void {
    const because = silence(this.#flow, this.#ports.clock.elapsed());
    if (because) return this.end(because);
    this.#tell();
    this.#cancelBeat = this.#ports.clock.after(BEAT_MS, () => this.#beat());
  }

  #finish(because: Refusal | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelBeat();
    for (const close of this.#close) close();
    for (const piece of this.#flow.waiting.splice(0)) piece.said();
    this.#events.over(because);
  }
}

function unreadable(reason: string): Refusal {
  return refusal('session-broken', `a frame cannot be read: ${reason.slice(0, 200)}`);
}
