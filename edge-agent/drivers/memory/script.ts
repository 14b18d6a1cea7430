/**
 * What an instance in memory does: its command, read as words of a script, one after another.
 *
 *   say TEXT, complain TEXT   a line on stdout, on stderr
 *   wait SPAN                 as in specs: 300ms, 2s
 *   listen                    its ports count as open from here on; without the word they do at once
 *   deaf                      does not hear from here on that it is to stop
 *   until-told                waits until it is to stop, then goes on
 *   run                       goes on until it is ended
 *   exit CODE                 ends; at the end of the words with 0
 */
import { systemClock } from '../../../actors/runtime/nats/system-clock.ts';
import { spanMs, spanQuantity } from '../../../subjects/index.ts';

/** One thing it does. */
export type Act =
  | { readonly act: 'say' | 'complain'; readonly text: string }
  | { readonly act: 'wait'; readonly ms: number }
  | { readonly act: 'listen' | 'deaf' | 'until-told' | 'run' }
  | { readonly act: 'exit'; readonly code: number };

const BARE = ['listen', 'deaf', 'until-told', 'run'] as const;
/** All words, as they are told to whoever writes another. */
const WORDS = 'say, complain, wait, listen, deaf, until-told, run, exit';

/** What a command does; a sentence: why it can do nothing. */
export function scriptIn(command: readonly string[]): readonly Act[] | string {
  const acts: Act[] = [];
  for (let at = 0; at < command.length; at++) {
    const word = command[at] ?? '';
    const bare = BARE.find((each) => each === word);
    if (bare !== undefined) {
      acts.push({ act: bare });
      continue;
    }
    const act = actOf(word, command[++at]);
    if (typeof act === 'string') return `cannot be started: ${act}`;
    acts.push(act);
  }
  return acts;
}

function actOf(word: string, of: string | undefined): Act | string {
  if (!['say', 'complain', 'wait', 'exit'].includes(word)) {
    return `driver memory knows no ${word}; its words are ${WORDS}`;
  }
  if (of === undefined) return `${word} is the last word, and says nothing`;
  if (word === 'say' || word === 'complain') return { act: word, text: of };
  if (word === 'wait') {
    const span = spanQuantity.safeParse(of);
    return span.success ? { act: 'wait', ms: spanMs(span.data) } : `${of} is no time, e.g. 2s`;
  }
  const code = Number(of);
  const isCode = Number.isInteger(code) && code >= 0 && code <= 255;
  return isCode ? { act: 'exit', code } : `${of} is no exit code from 0 to 255`;
}

/** How a script ended. */
export interface ScriptEnd {
  readonly exitCode: number | undefined;
  readonly signal: 'SIGTERM' | 'SIGKILL' | undefined;
}

/** One run of a script. */
export class ScriptRun {
  readonly ended: Promise<ScriptEnd>;
  #end: ScriptEnd | undefined;
  #isDeaf = false;
  #isWaiting = false;
  #goOn: () => void = () => undefined;

  constructor(
    acts: readonly Act[],
    to: { print(text: string, isError: boolean): void; listening?(): void },
  ) {
    this.ended = this.#run(acts, to);
  }

  /** Tells it to stop, as SIGTERM does. */
  tell(): void {
    if (this.#isDeaf) return;
    if (!this.#isWaiting) this.#end ??= { exitCode: undefined, signal: 'SIGTERM' };
    this.#goOn();
  }

  /** Ends it, as SIGKILL does. */
  kill(): void {
    this.#end ??= { exitCode: undefined, signal: 'SIGKILL' };
    this.#goOn();
  }

  async #run(
    acts: readonly Act[],
    to: { print(text: string, isError: boolean): void; listening?(): void },
  ): Promise<ScriptEnd> {
    for (const each of acts) {
      if (this.#end) break;
      switch (each.act) {
        case 'say':
        case 'complain':
          to.print(`${each.text}\n`, each.act === 'complain');
          break;
        case 'wait':
          await this.#pause(each.ms);
          break;
        case 'run':
          await this.#pause(undefined);
          break;
        case 'until-told':
          this.#isWaiting = true;
          await this.#pause(undefined);
          this.#isWaiting = false;
          break;
        case 'deaf':
          this.#isDeaf = true;
          break;
        case 'listen':
          to.listening?.();
          break;
        case 'exit':
          return { exitCode: each.code, signal: undefined };
      }
    }
    return this.#end ?? { exitCode: 0, signal: undefined };
  }

  #pause(ms: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const cancel = ms === undefined ? undefined : systemClock.after(ms, resolve);
      this.#goOn = () => {
        cancel?.();
        resolve();
      };
    });
  }
}
