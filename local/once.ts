/** Makes sure that a command that does one thing ends alike: done, or one sentence on what to do. */
import { constants } from 'node:os';
import { FAULT_EXIT } from '../actors/runtime/program.ts';
import { reasonOf } from '../actors/runtime/reason.ts';
import { START_ERROR_EXIT, StartError } from '../actors/runtime/start-error.ts';

/** Runs it and ends the process: 0, 78 with a sentence, or 70 where the mistake is Shoal's own. */
export async function runOnce(act: () => Promise<void>): Promise<never> {
  try {
    await act();
  } catch (error) {
    if (error instanceof StartError) {
      process.stderr.write(`shoal: ${error.message}\n`);
      process.exit(START_ERROR_EXIT);
    }
    const text = reasonOf(error);
    process.stderr.write(`shoal: ${text}; this is a fault of Shoal, please tell of it\n`);
    process.exit(FAULT_EXIT);
  }
  // It goes on without this process, where something does.
  process.exit(0);
}

/** What a process ends with that was told to by a signal, as shells write it. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + (constants.signals[signal] ?? 0);
}
