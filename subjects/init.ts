/** Init: what is run to its end before an instance's program starts. */
import { z } from 'zod';

/** Most steps of a spec. */
const STEPS_MAX = 8;
/** Longest part of a command that is told. */
const TOLD_MAX = 60;

const initStep = z.strictObject({
  command: z
    .array(z.string().max(4096))
    .min(1)
    .max(64)
    .describe('A program and its arguments; no shell in between'),
});
export type InitStep = z.infer<typeof initStep>;

export const initSpec = z
  .array(initStep)
  .max(STEPS_MAX)
  .describe(
    "Run to their end before the program, one after another, with its environment, folder and limits; one that does not end with 0 is the instance's end",
  );

/** A step for people: `init 1 of 2 (migrate --all)`; `index` from 0. */
export function stepText(steps: readonly InitStep[], index: number): string {
  const command = (steps[index]?.command ?? []).join(' ').replaceAll(/\s+/g, ' ');
  const told = command.length > TOLD_MAX ? `${command.slice(0, TOLD_MAX)}…` : command;
  return `init ${index + 1} of ${steps.length} (${told})`;
}
