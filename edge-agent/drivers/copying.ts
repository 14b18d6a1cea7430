/**
 * Makes sure that a copy under way (driver.ts, D8) goes no faster than either side takes it, ends when
 * its caller or its run does, and says what became of it.
 */
import { StreamCut } from '../../archive/chunks.ts';
import { copyRefused } from '../../archive/copy-refused.ts';
import { Handover } from '../../archive/handover.ts';
import { type Refusal, refusal } from '../../subjects/index.ts';
import type { Live, LiveEnd, Output } from './driver.ts';

/** What a copy that was made ends with, as a command that went well. */
const DONE: LiveEnd = { exitCode: 0 };

/** What ends a copy: its run is to be stopped or is over, or the agent is going. */
interface Beside {
  readonly path: string;
  readonly signal: AbortSignal;
}

/** Passes on what is copied out of a run, as long as somebody takes it. `chunks` rejects when its signal aborts. */
export function copyingOut(
  chunks: (stop: AbortSignal) => AsyncIterable<Uint8Array>,
  { path, signal }: Beside,
  output: Output,
): Live {
  const ending = new Ending(signal);
  const pass = async (): Promise<LiveEnd> => {
    for await (const chunk of chunks(ending.stop)) {
      if (ending.stop.aborted) break;
      await ending.taken(output.write(chunk, false));
    }
    return ending.because ?? DONE;
  };
  return {
    ...withoutTerminal,
    // Nothing is to be said to what is copied out.
    tell: () => Promise.resolve(),
    tellEnd: () => undefined,
    ended: ending.after(pass(), path),
    end: () => ending.end(),
  };
}

/** Hands what comes to who copies it into a run. `take` rejects when what it reads is cut off. */
export function copyingIn(
  take: (from: AsyncIterable<Uint8Array>, stop: AbortSignal) => Promise<void>,
  { path, signal }: Beside,
): Live {
  const ending = new Ending(signal);
  const from = new Handover();
  ending.stop.addEventListener('abort', () => from.cut(new StreamCut()));
  if (ending.stop.aborted) from.cut(new StreamCut());
  const taken = take(from, ending.stop).then(() => ending.because ?? DONE);
  const ended = ending.after(taken, path);
  // Whoever still says something is told that it was taken.
  void ended.then(() => from.cut(undefined));
  return {
    ...withoutTerminal,
    tell: (bytes) => from.give(bytes),
    tellEnd: () => void from.end(),
    ended,
    end: () => ending.end(),
  };
}

const withoutTerminal = { resize: () => undefined, signal: () => undefined };

class Ending {
  readonly #stop = new AbortController();
  readonly #run: AbortSignal;
  readonly #end = (): void => this.end();
  because: LiveEnd | undefined;

  constructor(run: AbortSignal) {
    this.#run = run;
    run.addEventListener('abort', this.#end, { once: true });
    if (run.aborted) this.end();
  }

  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  end(): void {
    const over = 'its instance ended or was stopped, or its agent was';
    this.#cut(this.#run.aborted ? over : 'its caller ended it');
  }

  /** Resolves when something was taken, however long that takes, or it is over: then nobody waits for that. */
  taken(bytes: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.stop.removeEventListener('abort', done);
        resolve();
      };
      this.stop.addEventListener('abort', done);
      if (this.stop.aborted) done();
      void bytes.then(done);
    });
  }

  #cut(over: string): void {
    this.because ??= refusedFor(refusal('session-over', `the copy was cut off: ${over}`));
    this.#stop.abort();
  }

  /** What became of it, with the reason where it failed. */
  async after(done: Promise<LiveEnd>, path: string): Promise<LiveEnd> {
    try {
      return await done;
    } catch (error) {
      return this.because ?? refusedFor(copyRefused(error, path).refusal);
    } finally {
      this.#run.removeEventListener('abort', this.#end);
    }
  }
}

function refusedFor(refused: Refusal): LiveEnd {
  return { refused };
}
