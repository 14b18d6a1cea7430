/** Stands before an engine: the answer to a start never comes, nor anything after it until it is open. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export class LosingStarts {
  readonly socket: string;
  isOpen = true;
  /** Whether it goes away with the answer to the next start. */
  isLosing = true;
  /** Called when the answer to a start is lost. */
  whenLost: () => void = () => undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(socket: string, engine: string) {
    this.socket = socket;
    let isLost = false;
    this.#server = createServer((from) => {
      if (!this.isOpen) return void from.destroy();
      const to = connect(engine);
      for (const each of [from, to]) {
        this.#sockets.add(each);
        each.on('error', () => undefined);
        each.on('close', () => this.#sockets.delete(each));
      }
      let isStart = false;
      from.on('data', (bytes) => {
        isStart ||= this.isLosing && !isLost && /^POST \S*\/start/.test(bytes.toString('latin1'));
        to.write(bytes);
      });
      to.on('data', (bytes) => {
        if (!isStart) return void from.write(bytes);
        isLost = true;
        this.lose();
        this.whenLost();
      });
      from.on('end', () => to.end());
      to.on('end', () => from.end());
    });
  }

  static async before(engine: string, socket: string): Promise<LosingStarts> {
    const made = new LosingStarts(socket, engine);
    await new Promise<void>((resolve) => void made.#server.listen(socket, resolve));
    return made;
  }

  /** The engine is away from now on, until it is open again. */
  lose(): void {
    this.isOpen = false;
    this.#end();
  }

  close(): void {
    this.#end();
    this.#server.close();
  }

  #end(): void {
    for (const each of this.#sockets) each.destroy();
  }
}
