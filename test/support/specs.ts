/** Specs for tests, complete with defaults. */
import { type Wanted, wantedSchema } from '../../subjects/index.ts';

/** A service of some instances that run for ever in the simulator. */
export function service(count: number, more: Record<string, unknown> = {}): Wanted {
  return wantedSchema.parse({ kind: 'service', spec: { count, command: ['serve'], ...more } });
}

/** A job whose instances end by themselves. */
export function job(count: number, more: Record<string, unknown> = {}): Wanted {
  return wantedSchema.parse({ kind: 'job', spec: { count, command: ['work', '200'], ...more } });
}
