/** Specs for tests, complete with defaults. */
import { validate, type Wanted, wantedSchema } from '../../subjects/index.ts';

/** A service of some instances that run for ever in the simulator. */
export function service(count: number, more: Record<string, unknown> = {}): Wanted {
  return complete({ kind: 'service', spec: { count, command: ['serve'], ...more } });
}

/** A job whose instances end by themselves. */
export function job(count: number, more: Record<string, unknown> = {}): Wanted {
  return complete({ kind: 'job', spec: { count, command: ['work', '200'], ...more } });
}

/** By the reader that bodies from the bus are read with: storms make many. */
function complete(wanted: unknown): Wanted {
  const read = validate(wantedSchema, wanted);
  if (!read.ok) throw new Error(read.reason);
  return read.value;
}
