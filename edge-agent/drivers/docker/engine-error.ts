/** Makes sure that what an engine refuses is one sentence, with its status where it answered. */
import { reasonOf } from '../../../actors/runtime/reason.ts';

/** Longest sentence that is passed on: one line of what an engine says. */
export const SENTENCE_MAX = 300;

/** What the engine says no to. `status` as in HTTP: 404 is not there, 409 not in this state. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  /** Undefined: it did not answer. */
  readonly status: number | undefined;

  constructor(message: string, status: number | undefined) {
    super(message);
    this.status = status;
  }
}

/** Whether an error, or what it came of, says that the engine could not be asked. */
export function isUnanswered(error: unknown): boolean {
  if (error instanceof EngineError) return error.status === undefined;
  const { cause } = error as { readonly cause?: unknown };
  return cause !== undefined && isUnanswered(cause);
}

/** For a call about what may not be there: undefined where the engine says so. Throws all else. */
export function absent(error: unknown): undefined {
  if (error instanceof EngineError && error.status === 404) return undefined;
  throw error;
}

/** What went wrong, in one line for a person. */
export function engineError(error: unknown, socket: string): EngineError {
  if (error instanceof EngineError) return error;
  const { statusCode, json, code } = error as {
    readonly statusCode?: number;
    readonly json?: { readonly message?: string };
    readonly code?: string;
  };
  if (statusCode !== undefined) {
    const said = json?.message ?? reasonOf(error);
    return new EngineError(sentence(said), statusCode);
  }
  return new EngineError(
    `the engine at ${socket} does not answer: ${code ?? reasonOf(error)}`,
    undefined,
  );
}

/** One line that can be passed on. */
export function sentence(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, SENTENCE_MAX);
}
