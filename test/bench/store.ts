/**
 * What the store port reaches on a real server: single compare-and-sets and batches, many in
 * flight, without and with conflicts. A conflicting write expects a revision that is too old, is
 * refused, and made again; the figure counts writes that were stored.
 */
import type { Ports, Write, WriteResult } from '../../actors/runtime/ports.ts';
import { benchBus, onFile } from './bus.ts';
import { type Benchmark, median, repeated } from './figure.ts';

const WRITES = 20_000;
const IN_FLIGHT = 256;
const BATCH_KEYS = 10;
const BATCHES = 400;
const BATCHES_IN_FLIGHT = 16;
const RUNS = 5;
const KEYS = 2_000;

/** About as large as an instance's record. */
const body = new TextEncoder().encode(JSON.stringify({ filler: 'x'.repeat(300) }));

export const store: Benchmark = {
  name: 'fabric.store',
  async run(tell) {
    await using bus = await benchBus();
    const [identity] = bus.names;
    if (!identity) return;
    const ports = await bus.ports(identity);
    for (const conflictRatio of [0, 0.1]) {
      const share = `${conflictRatio * 100}%`;
      const singles = await repeated(RUNS, (run) =>
        writes(ports, `s${run}${conflictRatio}`, conflictRatio),
      );
      tell({
        ...{ name: `fabric.store.writes_${conflictRatio ? 'conflicts' : 'plain'}`, unit: '1/s' },
        ...{ value: median(singles), better: 'higher' },
        configuration: { ...onFile, inFlight: IN_FLIGHT, conflicts: share, runs: RUNS },
      });
      const whole = await repeated(RUNS, (run) =>
        batches(ports, `b${run}${conflictRatio}`, conflictRatio),
      );
      tell({
        ...{ name: `fabric.store.batches_${conflictRatio ? 'conflicts' : 'plain'}`, unit: '1/s' },
        ...{ value: median(whole), better: 'higher' },
        configuration: {
          ...{ ...onFile, keysPerBatch: BATCH_KEYS, inFlight: BATCHES_IN_FLIGHT },
          ...{ conflicts: share, runs: RUNS },
        },
      });
    }
  },
};

function keyOf(run: string, index: number): string {
  return `workload.${run.replace('.', '')}.k${index}`;
}

async function writes(ports: Ports, run: string, conflictRatio: number): Promise<number> {
  const revisions = new Array<number>(KEYS).fill(0);
  let started = 0;
  let stored = 0;
  const began = performance.now();
  await new Promise<void>((resolve) => {
    const next = (index: number): void => {
      if (started >= WRITES) return;
      started++;
      const isStale = Math.random() < conflictRatio && (revisions[index] ?? 0) > 0;
      const send = (expected: number): void => {
        const write: Write = {
          ...{ bucket: 'shoal', key: keyOf(run, index), body, expected, headers: {} },
        };
        ports.store.write([write], ([result]) => {
          if (result?.kind === 'conflict') return send(revisions[index] ?? 0);
          if (result?.kind !== 'stored') throw new Error(`a write was ${result?.kind}`);
          revisions[index] = result.revision;
          stored++;
          if (stored === WRITES) resolve();
          else next(index);
        });
      };
      send(isStale ? (revisions[index] ?? 0) - 1 : (revisions[index] ?? 0));
    };
    for (let index = 0; index < IN_FLIGHT; index++) next(index);
  });
  return WRITES / ((performance.now() - began) / 1000);
}

async function batches(ports: Ports, run: string, conflictRatio: number): Promise<number> {
  let started = 0;
  let stored = 0;
  const began = performance.now();
  await new Promise<void>((resolve) => {
    const lane = (number: number, revisions: readonly number[]): void => {
      if (started >= BATCHES) return;
      started++;
      const send = (isStale: boolean): void => {
        const members = revisions.map((revision, index): Write => {
          const expected = isStale && index === 0 && revision > 0 ? revision - 1 : revision;
          const key = keyOf(run, number * BATCH_KEYS + index);
          return { bucket: 'shoal', key, body, expected, headers: {} };
        });
        ports.store.transact(members, (result: WriteResult) => {
          if (result.kind === 'conflict') return send(false);
          if (result.kind !== 'stored') throw new Error(`a batch was ${result.kind}`);
          stored++;
          const first = result.revision - BATCH_KEYS + 1;
          if (stored === BATCHES) resolve();
          else
            lane(
              number,
              revisions.map((_, index) => first + index),
            );
        });
      };
      send(Math.random() < conflictRatio);
    };
    for (let number = 0; number < BATCHES_IN_FLIGHT; number++) {
      lane(number, new Array<number>(BATCH_KEYS).fill(0));
    }
  });
  return BATCHES / ((performance.now() - began) / 1000);
}
