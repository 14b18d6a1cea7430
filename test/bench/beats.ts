/**
 * Beats handled by membership on a real server, and how soon it notices silence, at 100 and at
 * 10,000 nodes. The beats come from another process (beat-sender.ts), as they would.
 *
 * Measured: decoding, the step, the commit at the edges, the event. Not measured: the agents.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { membership } from '../../actors/membership/actor.ts';
import { Host } from '../../actors/runtime/host.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import { Views } from '../../actors/runtime/views.ts';
import { nodeRecord, nodeState } from '../../subjects/index.ts';
import { eventually } from '../support/ports.ts';
import { benchBus, onFile } from './bus.ts';
import { type Benchmark, percentile } from './figure.ts';

const FLOOD = 400_000;
/** Nodes whose silence is noticed, in each run. */
const SILENT = 50;

export const beats: Benchmark = {
  name: 'fabric.beats',
  async run(tell) {
    for (const nodes of [100, 10_000]) {
      const result = await measure(nodes);
      const configuration = { ...onFile, nodes, class: 'steady', beatMs: 1_000 };
      tell({
        ...{ name: `fabric.beats.${nodes}_handled`, value: result.rate, unit: '1/s' },
        ...{ better: 'higher', configuration: { ...configuration, load: 'as fast as they come' } },
      });
      tell({
        ...{
          name: `fabric.beats.${nodes}_processor`,
          value: result.processorRatio * 100,
          unit: '%',
        },
        ...{
          better: 'lower',
          configuration: { ...configuration, load: 'each node once a second' },
        },
      });
      tell({
        ...{ name: `fabric.beats.${nodes}_noticed_p99`, value: result.noticedP99Ms, unit: 'ms' },
        ...{ target: 3_500, better: 'lower' },
        configuration: { ...configuration, silent: SILENT },
      });
    }
  },
};

interface Sender {
  ask(order: object): Promise<void>;
  end(): void;
}

async function measure(nodes: number) {
  await using bus = await benchBus();
  const [first] = bus.names;
  if (!first) throw new Error('no connection');
  const ports = await bus.ports(first);
  const views = new Views(ports.store, ports.clock, silentLog);
  const host = new Host(membership(), { ports, views, copy: 'bench', log: silentLog });
  const records = views.follow(nodeRecord);
  await new Promise<void>((resolve) => views.start(resolve));
  host.start();
  const sender = await startSender(bus.url, bus.folder, nodes);
  await sender.ask({ order: 'join' });
  const isReady = (): boolean => {
    let ready = 0;
    for (const { value } of records.entries()) if (nodeState(value) === 'ready') ready++;
    return ready === nodes;
  };
  await sender.ask({ order: 'beat' });
  await eventually(isReady, 120_000, `${nodes} ready nodes`);

  const processorBefore = process.cpuUsage();
  const steadyMs = 5_000;
  await new Promise((resolve) => setTimeout(resolve, steadyMs));
  const used = process.cpuUsage(processorBefore);

  const noticed: number[] = [];
  const silentAt = Date.now();
  await sender.ask({ order: 'silence', count: SILENT });
  await eventually(
    () => {
      noticed.length = 0;
      for (const { value } of records.entries()) {
        if (value.liveness === 'offline') noticed.push(value.last.at - silentAt);
      }
      return noticed.length >= SILENT;
    },
    30_000,
    'silence to be noticed',
  );

  const counts = host.counters.route('node.beat');
  const handledBefore = counts.handled;
  const began = performance.now();
  await sender.ask({ order: 'flood', count: FLOOD });
  // What a full mailbox dropped was not handled, and does not count.
  await eventually(() => host.waiting === 0, 60_000, 'the flood');
  const rate = (counts.handled - handledBefore) / ((performance.now() - began) / 1000);
  sender.end();
  host.stop();
  views.close();
  return {
    rate,
    noticedP99Ms: percentile(noticed, 0.99),
    processorRatio: (used.user + used.system) / 1000 / steadyMs,
  };
}

async function startSender(url: string, folder: string, nodes: number): Promise<Sender> {
  const here = fileURLToPath(import.meta.url);
  const program = here.replace(/beats\.(ts|js)$/, 'beat-sender.$1');
  const child = fork(program, [url, folder, String(nodes)], { stdio: 'inherit' });
  let done: () => void = () => undefined;
  child.on('message', () => done());
  const answered = (): Promise<void> =>
    new Promise((resolve) => {
      done = resolve;
    });
  await answered();
  return {
    ask: (order) => {
      const answer = answered();
      child.send(order);
      return answer;
    },
    end: () => child.kill('SIGKILL'),
  };
}
