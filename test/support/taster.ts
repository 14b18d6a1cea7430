/** A control plane of one actor whose step for `poison` ends the process: for poison.test.ts. */
import { dead } from '../../actors/dead/actor.ts';
import { deadJobs } from '../../actors/dead/shell.ts';
import { type Actor, defineActor, on, type Received } from '../../actors/runtime/actor.ts';
import { none } from '../../actors/runtime/effect.ts';
import { Host } from '../../actors/runtime/host.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import { joinBus, viewsCurrent } from '../../actors/runtime/nats/process.ts';
import { placeWork } from '../../subjects/index.ts';

const [, , server = '', seedFile, mood = ''] = process.argv;

const taster = defineActor<object, object>({
  name: 'taster',
  sentence: 'Makes sure that things are tasted.',
  init: () => ({}),
  routes: [
    on(placeWork, (_state, { tokens }: Received<typeof placeWork>) => {
      if (tokens.workload === 'poison' && mood === 'deadly') process.exit(66);
      process.send?.(tokens.workload);
      return none;
    }),
  ],
  follows: {},
  publishes: [],
  writes: [],
});

const settings = { servers: [server], seedFile };
const bus = await joinBus(settings, { role: 'control', name: 'test' }, { log: silentLog });
const hosts = [taster, dead()].map(
  (actor) =>
    new Host(actor as unknown as Actor, {
      ...{ ports: bus.ports, views: bus.views, log: silentLog },
      copy: `taster-${process.pid}`,
      jobs: deadJobs(bus.ports.queue),
    }),
);
await viewsCurrent(bus.views);
for (const host of hosts) host.start();
process.send?.('ready');
