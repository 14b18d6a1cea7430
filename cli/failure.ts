/** Why a command ends without its result: what to tell, and what to exit with. */
import type { Retry } from '../subjects/index.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';

/** Thrown by commands; told on stderr as it is. */
export class Failure extends Error {
  override readonly name: string = 'Failure';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The command line cannot mean anything. */
export class UsageFailure extends Failure {
  override readonly name = 'UsageFailure';

  constructor(message: string) {
    super(exitCodes.usage, `error: ${message}`);
  }
}

/** Nobody answers. */
export class UnreachableFailure extends Failure {
  override readonly name = 'UnreachableFailure';

  constructor(message: string) {
    super(exitCodes.unreachable, `error: ${message}`);
  }
}

/** What the gateway says no with: RFC 9457, with Shoal's code. */
export interface RefusalBody {
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly id: string;
  readonly retry: Retry;
  readonly places: readonly { readonly path: string; readonly message: string }[];
}

/** The fabric said no. */
export class RefusedFailure extends Failure {
  override readonly name = 'RefusedFailure';
  readonly refusal: RefusalBody;

  constructor(refusal: RefusalBody, message: string) {
    super(exitCodes.refused, message);
    this.refusal = refusal;
  }
}
