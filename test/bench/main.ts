/** `make bench`, `make bench ONLY=fabric.store`: runs benchmarks one after another. */
import { beats } from './beats.ts';
import { containers } from './containers.ts';
import { copies } from './copies.ts';
import { durability } from './durability.ts';
import { election } from './election.ts';
import { print } from './figure.ts';
import { handOffs } from './hand-offs.ts';
import { ingress } from './ingress.ts';
import { letters } from './letters.ts';
import { life } from './life.ts';
import { line } from './line.ts';
import { logs } from './logs.ts';
import { memory } from './memory.ts';
import { placements } from './placements.ts';
import { poolContainers } from './pool-containers.ts';
import { pools } from './pools.ts';
import { recovery } from './recovery.ts';
import { rollout } from './rollout.ts';
import { runtime } from './runtime.ts';
import { schedules } from './schedules.ts';
import { simulator } from './simulator.ts';
import { steady } from './steady.ts';
import { store } from './store.ts';
import { takeover } from './takeover.ts';
import { workload } from './workload.ts';

const all = [
  runtime,
  schedules,
  store,
  placements,
  beats,
  memory,
  life,
  takeover,
  election,
  durability,
  recovery,
  letters,
  steady,
  workload,
  copies,
  simulator,
  ingress,
  pools,
  handOffs,
  poolContainers,
  line,
  rollout,
  logs,
  containers,
];
const only = process.argv[2] ?? '';
const chosen = all.filter((each) => each.name.startsWith(only) || only.startsWith(each.name));
if (chosen.length === 0) {
  process.stderr.write(
    `no benchmark begins with ${only}; there are ${all.map((each) => each.name).join(', ')}\n`,
  );
  process.exit(2);
}
for (const benchmark of chosen) {
  const isWanted = (name: string): boolean => name.startsWith(only);
  await benchmark.run((figure) => {
    if (isWanted(figure.name)) print(figure);
  }, isWanted);
}
process.exit(0);
