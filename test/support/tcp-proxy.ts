/**
 * A TCP proxy that stands for the network between two programs: it forwards, until a
 * test cuts it, holds one or both directions still, or makes it slow.
 *
 * Held bytes are not lost: TCP would send them again, so they arrive when the network is whole.
 */
import {
  type AddressInfo,
  createConnection,
  createServer,
  type Server,
  type Socket,
} from 'node:net';

/** `to`: from whoever dialled to the target; `from`: back. */
export type Way = 'to' | 'from' | 'both';

interface Target {
  readonly host?: string;
  readonly port: number;
}

/** What goes wrong with the bytes of one direction at the moment. */
interface Trouble {
  isHeld: boolean;
  delayMs: number;
}

const HOST = '127.0.0.1';
/** Bytes of one direction that wait until its source is told to wait, too. */
const WAITING_MAX = 4 * 2 ** 20;

export class TcpProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: Target;
  readonly #links = new Set<Link>();
  readonly #trouble = {
    to: { isHeld: false, delayMs: 0 } as Trouble,
    from: { isHeld: false, delayMs: 0 } as Trouble,
  };
  #isCut = false;

  /** Listens on a free port of loopback, or of another address of this machine. */
  static async start(target: Target, host = HOST): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, host, resolve);
    });
    return proxy;
  }

  private constructor(target: Target) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections open through it at the moment. */
  get connections(): number {
    return this.#links.size;
  }

  /** Ends every connection, and new ones as they come: a cable pulled, and both sides told. */
  cut(): void {
    this.#isCut = true;
    for (const link of [...this.#links]) link.close();
  }

  /** Nothing gets through any more and nobody is told: packets are dropped on the way. */
  hold(way: Way = 'both'): void {
    this.#change(way, (trouble) => {
      trouble.isHeld = true;
    });
  }

  /** Everything takes this much longer, in milliseconds. */
  delay(delayMs: number, way: Way = 'both'): void {
    this.#change(way, (trouble) => {
      trouble.delayMs = delayMs;
    });
  }

  /** The network is whole again: what was held arrives, new connections are forwarded. */
  heal(): void {
    this.#isCut = false;
    this.#change('both', (trouble) => {
      trouble.isHeld = false;
      trouble.delayMs = 0;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  #accept(near: Socket): void {
    if (this.#isCut) {
      near.destroy();
      return;
    }
    const far = createConnection({ host: HOST, allowHalfOpen: true, ...this.#target });
    const link: Link = new Link(near, far, this.#trouble, () => this.#links.delete(link));
    this.#links.add(link);
  }

  #change(way: Way, apply: (trouble: Trouble) => void): void {
    for (const one of ['to', 'from'] as const) {
      if (way === one || way === 'both') apply(this.#trouble[one]);
    }
    for (const link of this.#links) link.pump();
  }
}

/** One connection through the proxy: a pipe each way. */
class Link {
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #pipes: readonly Pipe[];
  readonly #closed: () => void;
  #isOpen = true;

  constructor(
    near: Socket,
    far: Socket,
    trouble: { readonly to: Trouble; readonly from: Trouble },
    closed: () => void,
  ) {
    this.#near = near;
    this.#far = far;
    this.#closed = closed;
    const gone = (): void => this.close();
    this.#pipes = [new Pipe(near, far, trouble.to, gone), new Pipe(far, near, trouble.from, gone)];
  }

  pump(): void {
    for (const pipe of this.#pipes) pipe.pump();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#near.destroy();
    this.#far.destroy();
    this.#closed();
  }
}

/** Bytes on their way, or that no more come, or that their source is gone. */
type Piece = Buffer | 'end' | 'gone';

/** What goes one way: in order, each piece not before its time. */
class Pipe {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #trouble: Trouble;
  readonly #waiting: { readonly piece: Piece; readonly dueAt: number }[] = [];
  readonly #gone: () => void;
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `gone` is called when the other side is to learn that this one is no more. */
  constructor(source: Socket, sink: Socket, trouble: Trouble, gone: () => void) {
    this.#source = source;
    this.#sink = sink;
    this.#trouble = trouble;
    this.#gone = gone;
    source.setNoDelay(true);
    source.on('data', (bytes: Buffer) => this.#put(bytes));
    source.on('error', () => undefined);
    source.on('end', () => this.#put('end'));
    source.on('close', () => this.#put('gone'));
    sink.on('drain', () => this.#source.resume());
  }

  pump(): void {
    clearTimeout(this.#timer);
    while (!this.#trouble.isHeld) {
      const first = this.#waiting[0];
      if (!first) break;
      const leftMs = first.dueAt - performance.now();
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.pump(), leftMs);
        return;
      }
      this.#waiting.shift();
      if (first.piece === 'gone') return this.#gone();
      if (first.piece === 'end') {
        this.#sink.end();
        continue;
      }
      this.#waitingBytes -= first.piece.length;
      if (!this.#sink.write(first.piece)) this.#source.pause();
    }
    if (this.#waitingBytes < WAITING_MAX && !this.#sink.writableNeedDrain) this.#source.resume();
  }

  #put(piece: Piece): void {
    const afterLast = this.#waiting.at(-1)?.dueAt ?? 0;
    const dueAt = Math.max(afterLast, performance.now() + this.#trouble.delayMs);
    this.#waiting.push({ piece, dueAt });
    if (typeof piece !== 'string') this.#waitingBytes += piece.length;
    if (this.#waitingBytes >= WAITING_MAX) this.#source.pause();
    this.pump();
  }
}
