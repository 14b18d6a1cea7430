/**
 * Makes sure that what instances use of the processor is told as of now: a driver counts since the
 * start of a run, here it becomes a rate between two looks.
 */
import type { Use } from './drivers/driver.ts';
import type { InstanceUse } from './jobs.ts';
import { instanceOf } from './parts.ts';

/** A look at what runs use, and when it was, in milliseconds of a clock that is never set. */
export interface Look {
  readonly at: number;
  readonly uses: readonly Use[];
}

/** What each instance uses now, with all its parts. */
export function usesNow(before: Look | undefined, now: Look): readonly InstanceUse[] {
  const sums = new Map<string, InstanceUse>();
  for (const { name: part, cpuMilli, memoryBytes, ...own } of partsNow(before, now)) {
    const name = instanceOf(part);
    const sum = sums.get(name) ?? { name, cpuMilli: 0, memoryBytes: 0 };
    sums.set(name, {
      ...sum,
      ...{ cpuMilli: sum.cpuMilli + cpuMilli, memoryBytes: sum.memoryBytes + memoryBytes },
      // What is written counts with the program: its sidecars write where it does.
      ...(part === name ? own : {}),
    });
  }
  return [...sums.values()];
}

/** One that the look before did not see: since its start. */
function partsNow(before: Look | undefined, now: Look): readonly InstanceUse[] {
  const known = new Map(before?.uses.map((each) => [keyOf(each), each]));
  return now.uses.map((each) => {
    const last = known.get(keyOf(each));
    const cpuMs = each.cpuMs - (last?.cpuMs ?? 0);
    const passedMs = last && before ? now.at - before.at : each.runsForMs;
    // What ended takes its time along: less than before is nothing.
    const cpuMilli = passedMs <= 0 ? 0 : Math.max(0, Math.round((cpuMs * 1000) / passedMs));
    const { name, run, diskBytes } = each;
    const memoryBytes = Math.max(0, Math.round(each.memoryBytes));
    return { name, run, cpuMilli, memoryBytes, ...(diskBytes === undefined ? {} : { diskBytes }) };
  });
}

/** A later run counts from nothing again. */
function keyOf({ name, run }: Use): string {
  return `${name} ${run}`;
}
