/**
 * Schedules: how many are set in a second, and how late 5,000 due at one moment are.
 *
 * Measured: from the moment to the outcome in the record, with schedule and workload actor in one
 * process on a real server: the alarm, two commits, and an ask to scale. Not measured: what jobs
 * take to be placed and to start.
 */
import { manySchedules } from '../support/many-schedules.ts';
import { benchBus, onFile } from './bus.ts';
import { type Benchmark, percentile } from './figure.ts';

const COUNT = 5_000;
/** Long enough to set them on a busy machine, in milliseconds. */
const DUE_IN_MS = 60_000;

export const schedules: Benchmark = {
  name: 'kernel.schedules',
  async run(tell) {
    await using bus = await benchBus();
    const [identity] = bus.names;
    if (!identity) return;
    const ports = await bus.ports(identity);
    const { records, firing, setPerSecond } = await manySchedules(ports, COUNT, DUE_IN_MS);
    const late = records.map(({ history: [first] }) => (first?.at ?? Number.NaN) - firing);
    const configuration = { ...onFile, schedules: COUNT, dueAtOnce: COUNT, runs: 1 };
    tell({
      ...{ name: 'kernel.schedules.set', value: setPerSecond, unit: '1/s', better: 'higher' },
      configuration,
    });
    for (const [name, share] of [
      ['p50', 0.5],
      ['p99', 0.99],
    ] as const) {
      tell({
        ...{ name: `kernel.schedules.late_${name}`, value: percentile(late, share), unit: 'ms' },
        ...{ better: 'lower', configuration },
      });
    }
  },
};
