/**
 * How long a rolling update of a called service takes, and how many calls fail meanwhile; then the same
 * for the drain of its node and the death of one.
 *
 * Instances are Node programs that answer after 20 ms and end at once when told to: most of the time
 * is theirs, to start. Not measured: programs that need long to be ready.
 */
import { nodeRecord, nodeState } from '../../subjects/index.ts';
import { fabricUnderTest } from '../support/fabric.ts';
import { Load } from '../support/load.ts';
import { eventually } from '../support/ports.ts';
import { onFile } from './bus.ts';
import { api, HOST, serve } from './called-service.ts';
import { type Benchmark, median } from './figure.ts';

const INSTANCES = 6;
const CALLERS = 8;
const UPDATES = 5;
const WAIT_MS = 20;

export const rollout: Benchmark = {
  name: 'workload.rollout',
  async run(tell) {
    await using under = await fabricUnderTest(['n1', 'n2', 'n3']);
    await serve(under, { count: INSTANCES, version: '0', waitMs: WAIT_MS });
    const configuration = { ...onFile, instances: INSTANCES, callers: CALLERS, maxSurge: 2 };
    const failed = (name: string, value: number, of: { load: Load; target: number }): void => {
      const { load, target } = of;
      const calls = load.tookMs.length + load.failed.length;
      tell({
        ...{ name: `workload.rollout.${name}_failed`, value, unit: 'calls' },
        ...{ target, better: 'lower', configuration: { ...configuration, calls } },
      });
    };
    const load = new Load(under.fabric.ingressUrl, HOST, CALLERS);
    const times: number[] = [];
    for (let version = 1; version <= UPDATES; version++) {
      const began = performance.now();
      await serve(under, { count: INSTANCES, version: String(version), waitMs: WAIT_MS });
      times.push(performance.now() - began);
    }
    await load.stop();
    tell({
      ...{ name: 'workload.rollout.update', value: median(times), unit: 'ms', better: 'lower' },
      configuration: { ...configuration, updates: UPDATES },
    });
    failed('update', load.failed.length, { load, target: 0 });

    const drained = new Load(under.fabric.ingressUrl, HOST, CALLERS);
    await api(under, 'POST', 'nodes/n1/drain', {});
    const isEmpty = async (): Promise<boolean> =>
      (await api(under, 'GET', 'nodes/n1')).instances === 0;
    await eventually(isEmpty, 60_000, 'the drain');
    await drained.stop();
    failed('drain', drained.failed.length, { load: drained, target: 0 });
    await api(under, 'POST', 'nodes/n1/uncordon', {});

    // What was under way there cannot be answered: at most one call of each caller.
    const bereft = new Load(under.fabric.ingressUrl, HOST, CALLERS);
    await bereft.until(`200 ${UPDATES}`);
    const there = [...under.instances.entries()].filter(({ value }) => value.node === 'n2');
    const fromMs = performance.now();
    await under.fabric.killNode('n2');
    const instances = there.map(({ value }) => value.instance);
    const death = { instances, fromMs, untilMs: performance.now() };
    const isOffline = (): boolean => {
      const node = under.nodes.get({ node: 'n2' });
      return node !== undefined && nodeState(node) === 'offline';
    };
    await eventually(isOffline, 30_000, `${nodeRecord.name} n2 to be offline`);
    await eventually(() => under.ready('web').length === INSTANCES, 30_000, 'replacements');
    await bereft.stop();
    failed('death', bereft.failed.length, { load: bereft, target: CALLERS });
    const beside = bereft.failedBeside(death);
    failed('beside_death', beside.length, { load: bereft, target: 0 });
    for (const each of beside) {
      process.stderr.write(`beside the death: ${JSON.stringify({ ...each, death })}\n`);
    }
  },
};
