/** `shoal decode`: one message of the bus on stdin, as JSON on stdout. */
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { showPayload } from '../present/payload.ts';
import type { Shell } from '../shell.ts';

/**
 * For `nats sub --translate "shoal decode" 'shoal.>'`. Never fails, whatever the bytes are: a
 * translation that fails would hide the message. What is odd about it is told on stderr.
 */
export async function decodePayload(
  shell: Shell,
  options: { readonly subject?: string; readonly pretty?: boolean },
): Promise<ExitCode> {
  const { subject, pretty } = options;
  const shown = showPayload(await shell.stdin(), {
    ...(subject === undefined ? {} : { subject }),
    ...(pretty === undefined ? {} : { isPretty: pretty }),
  });
  shell.out(shown.text);
  if (shown.note !== undefined) shell.err(`note: ${shown.note}`);
  return exitCodes.ok;
}
