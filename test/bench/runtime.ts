/**
 * How many messages one actor handles in a second, on the memory ports: what the runtime itself
 * costs. Measured: mailbox, decoding, validation, step, planning, commit and answer in memory. Not
 * measured: any network, any disk.
 */

import {
  type Context,
  defineActor,
  follow,
  on,
  type Received,
} from '../../actors/runtime/actor.ts';
import { commit, none, put } from '../../actors/runtime/effect.ts';
import type { View } from '../../actors/runtime/view.ts';
import { nodeBeat, nodePrompt, type Route, routeRecord } from '../../subjects/index.ts';
import { Bench } from '../support/host.ts';
import { type Benchmark, median, repeated } from './figure.ts';

interface Views {
  readonly routes: View<typeof routeRecord>;
}

const MESSAGES = 100_000;
const RUNS = 5;

/** An actor that hears beats, and commits for each prompt. */
export const measured = () =>
  defineActor<{ heard: number }, Views>({
    name: 'bench',
    sentence: 'Makes sure that the runtime can be measured.',
    init: () => ({ heard: 0 }),
    routes: [
      on(nodeBeat, (state) => {
        state.heard++;
        return none;
      }),
      on(nodePrompt, (_state, message: Received<typeof nodePrompt>, _context: Context<Views>) => {
        const host = `${message.tokens.node}.localhost`;
        const value: Route = { tenant: 'default', host, workload: 'w', port: 'http' };
        return [commit(put(routeRecord, { tenant: 'default', host }, value))];
      }),
    ],
    follows: { routes: follow(routeRecord) },
    publishes: [],
    writes: [routeRecord],
  });

export const runtime: Benchmark = {
  name: 'fabric.runtime',
  async run(tell) {
    const beat = { incarnation: 1, applied: 1, connection: { server: 'S', client: 1 } };
    const configuration = { ports: 'memory', messages: MESSAGES, runs: RUNS };
    const steps = await repeated(RUNS, async () =>
      rate((bench, index) => bench.send(nodeBeat, { node: `n${index % 1000}` }, beat)),
    );
    tell({
      ...{ name: 'fabric.runtime.steps', value: median(steps), unit: '1/s' },
      ...{ better: 'higher', configuration: { ...configuration, effects: 'none' } },
    });
    const written = await repeated(RUNS, async () => rate(commits));
    tell({
      ...{ name: 'fabric.runtime.commits', value: median(written), unit: '1/s' },
      ...{ better: 'higher', configuration: { ...configuration, effects: 'one commit' } },
    });
  },
};

/** Sends a message that costs one commit, on one of a thousand keys. */
export function commits(bench: Bench, index: number): void {
  bench.send(nodePrompt, { node: `n${index % 1000}` }, { want: 'beat' });
}

function rate(send: (bench: Bench, index: number) => void): number {
  const bench = new Bench();
  const { host } = bench.join(measured());
  const began = performance.now();
  for (let sent = 0; sent < MESSAGES; ) {
    for (let batch = 0; batch < 1000; batch++, sent++) send(bench, sent);
    bench.clock.settle();
  }
  const seconds = (performance.now() - began) / 1000;
  if (host.counters.steps < MESSAGES) throw new Error(`${host.counters.steps} steps were run`);
  return MESSAGES / seconds;
}
