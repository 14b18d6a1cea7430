/**
 * Makes sure that Ctrl-C ends what a command does, unless the command passes signals on to somebody
 * else: then it ends nothing here.
 */
import type { SessionSignal } from '../subjects/index.ts';

/** What can be passed on. HUP is not: it says that whoever sat here is gone, not the program they looked at. */
const passed = ['INT', 'QUIT', 'TERM', 'USR1', 'USR2'] as const satisfies SessionSignal[];

/** Hears the signals this process gets. */
export class Signals {
  readonly #source: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
  #taker: ((signal: SessionSignal) => void) | undefined;

  /** `interrupted` is called at each Ctrl-C that nobody has taken. */
  constructor(source: Pick<NodeJS.EventEmitter, 'on' | 'off'>, interrupted: () => void) {
    this.#source = source;
    source.on('SIGINT', () => {
      if (!this.#taker) interrupted();
    });
  }

  /** Hands every signal that can be passed on to this call, until the returned function is called. */
  take(call: (signal: SessionSignal) => void): () => void {
    this.#taker = call;
    const heard = passed.map((signal) => [`SIG${signal}`, () => call(signal)] as const);
    for (const [name, hear] of heard) this.#source.on(name, hear);
    return () => {
      this.#taker = undefined;
      for (const [name, hear] of heard) this.#source.off(name, hear);
    };
  }
}
