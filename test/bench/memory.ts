/** What an idle agent keeps in memory: resident set of its process, after it has settled. */
import { readFile } from 'node:fs/promises';
import { fabricUnderTest } from '../support/fabric.ts';
import { type Benchmark, median } from './figure.ts';

const SETTLE_MS = 15_000;

export const memory: Benchmark = {
  name: 'fabric.agent',
  async run(tell) {
    await using under = await fabricUnderTest(['n1', 'n2', 'n3']);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const sizes: number[] = [];
    for (const node of ['n1', 'n2', 'n3']) {
      const { pid } = under.fabric.child(`agent-${node}`);
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
      sizes.push(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1024);
    }
    tell({
      ...{ name: 'fabric.agent.memory', value: median(sizes), unit: 'MiB' },
      ...{ target: 80, better: 'lower' },
      configuration: { driver: 'process', instances: 0, agents: sizes.length },
    });
  },
};
