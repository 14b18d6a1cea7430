/**
 * Makes sure that an agent that ends all it runs ends each instance in order: its program, then its
 * sidecars, the last one first. What runs beside a program is there until that has ended.
 */
import { spanMs } from '../../subjects/index.ts';
import type { StartInput } from '../jobs.ts';
import { instanceOf, sidecarPart } from '../parts.ts';

/**
 * Ends the instances of these parts at the same time, each part within its own grace, a program within
 * `graceMsMax` and its sidecars together once more. `end` resolves when a part has ended, or is not here.
 */
export async function endInOrder(
  parts: Iterable<StartInput>,
  graceMsMax: number,
  end: (part: string, graceMs: number) => Promise<void>,
): Promise<void> {
  // What a spec says of all parts stands with each of them.
  const specs = new Map([...parts].map(({ name, spec }) => [instanceOf(name), spec.spec]));
  const endOne = async (name: string, spec: StartInput['spec']['spec']): Promise<void> => {
    await end(name, Math.min(graceMsMax, spanMs(spec.grace)));
    const endedAt = performance.now();
    for (const { name: sidecar, grace } of (spec.sidecars ?? []).toReversed()) {
      const leftMs = Math.max(0, graceMsMax - (performance.now() - endedAt));
      await end(sidecarPart(name, sidecar), Math.min(leftMs, spanMs(grace)));
    }
  };
  await Promise.all([...specs].map(([name, spec]) => endOne(name, spec)));
}
