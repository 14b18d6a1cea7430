/**
 * How many lines a second an agent takes from an instance that prints as fast as it can, from the call
 * that starts it until whoever listens has the last one, and how many did not come: they are numbered.
 *
 * Not measured: readers that begin later, and lines longer than these.
 */
import { decode, logFrame } from '../../subjects/index.ts';
import { fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { onFile } from './bus.ts';
import { api } from './called-service.ts';
import { type Benchmark, median } from './figure.ts';

const LINES = 100_000;
const ROUNDS = 3;
/** Numbered lines of some 40 bytes. */
const print = `i=0; while [ $i -lt ${LINES / 1000} ]; do seq -f "line %.0f of what it prints, and more" $((i*1000)) $((i*1000+999)); i=$((i+1)); done`;

export const logs: Benchmark = {
  name: 'workload.logs',
  async run(tell) {
    await using under = await fabricUnderTest(['n1']);
    const rates: number[] = [];
    let lost = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const name = `print-${round}`;
      /** Line that comes next, and how many did not come. */
      let next = 1;
      const subject = `shoal.log.default.${name}.*`;
      const close = under.bus.ports.bus.subscribe(subject, undefined, ({ body }) => {
        const frame = decode(logFrame, body);
        if (!frame.ok || frame.value.stream !== 'stdout') return;
        const { first, lines } = frame.value;
        lost += Math.max(0, first - next);
        next = Math.max(next, first + lines.length);
      });
      const began = performance.now();
      await api(under, 'PUT', `workloads/${name}`, {
        ...{ apiVersion: 'shoal/v1', kind: 'job', metadata: { name } },
        spec: { count: 1, command: ['sh', '-c', print] },
      });
      await eventually(() => next > LINES, 120_000, `${LINES} lines`);
      rates.push(LINES / ((performance.now() - began) / 1000));
      close();
    }
    const configuration = { ...onFile, lines: LINES, rounds: ROUNDS };
    tell({
      ...{ name: 'workload.logs.lines', value: median(rates), unit: '1/s', better: 'higher' },
      configuration,
    });
    tell({
      ...{ name: 'workload.logs.lost', value: lost, unit: 'lines', target: 0, better: 'lower' },
      configuration,
    });
  },
};
