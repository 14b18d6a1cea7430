/**
 * How long it takes until so many containers run: through Shoal, by the engine alone (created and
 * started by its API, several at a time), and as a service of the engine's own Swarm, one after another
 * on one engine.
 *
 * Containers are busybox in `sleep`; their image is there. Not measured: pulls, and engines on several
 * machines. Where the engine cannot be a Swarm here, that figure is left out, and the others say so.
 */
import { DockerEngine, IMAGE } from '../support/docker.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { onFile } from './bus.ts';
import { api } from './called-service.ts';
import { byEngine, isLeftOut, MEMORY_BYTES } from './engine-alone.ts';
import { type Benchmark, median, repeated } from './figure.ts';

const COUNTS = [1, 50, 200];
/** Containers that the engine is asked for at a time, when it is asked straight. */
const AT_A_TIME = 8;
/** Until so many run, or are gone; a benchmark that hangs says how far it came. */
const GIVE_UP_MS = 300_000;
/** Most times what the engine alone takes, at a count (the design's table of figures). */
const RATIO_TARGETS: Readonly<Record<number, number>> = { 50: 1.2 };

export const containers: Benchmark = {
  name: 'workload.containers',
  async run(tell) {
    if (isLeftOut('workload.containers', tell)) return;
    await using engine = await DockerEngine.start({ isLeaving: false });
    const environment = { SHOAL_DOCKER: engine.socket };
    const capacity = 'cpu=100,memory=64Gi,disk=64Gi';
    await using under = await fabricUnderTest(['n1'], { environment, capacity });
    const noSwarm = await whyNoSwarm(engine);
    for (const count of COUNTS) {
      const rounds = count === 1 ? 7 : count === 50 ? 3 : 1;
      const configuration = {
        ...{ ...onFile, containers: count, rounds },
        ...(noSwarm === undefined ? {} : { leftOut: `Swarm: ${noSwarm}` }),
      };
      const told = (by: string, times: readonly number[]): void =>
        tell({
          ...{ name: `workload.containers.${by}_${count}`, value: median(times), unit: 'ms' },
          ...{ better: 'lower', configuration },
        });
      const shoal = await repeated(rounds, () => byShoal(under, count));
      told('shoal', shoal);
      const alone = await repeated(rounds, () => byEngine(engine, count, AT_A_TIME));
      told('engine', alone);
      const target = RATIO_TARGETS[count];
      tell({
        ...{ name: `workload.containers.shoal_to_engine_${count}`, unit: 'ratio' },
        ...{ value: median(shoal) / median(alone), better: 'lower', configuration },
        ...(target === undefined ? {} : { target }),
      });
      if (noSwarm === undefined)
        told('swarm', await repeated(rounds, () => bySwarm(engine, count)));
    }
  },
};

async function byShoal(under: FabricUnderTest, count: number): Promise<number> {
  const name = 'many';
  const began = performance.now();
  await api(under, 'PUT', `workloads/${name}`, {
    ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name } },
    spec: {
      ...{ count, driver: 'docker', image: IMAGE, command: ['sleep', '3600'], grace: '0s' },
      resources: { cpu: '10m', memory: '16Mi' },
    },
  });
  const ready = (): number => under.ready(name).length;
  await reached(ready, count, 'containers ready');
  const tookMs = performance.now() - began;
  await api(under, 'DELETE', `workloads/${name}`);
  const isGone = (): boolean => !under.workloads.get({ tenant: 'default', workload: name });
  await eventually(isGone, GIVE_UP_MS, 'the containers to go');
  return tookMs;
}

/** Waits for a number; rejects with how far it came. */
async function reached(
  number: () => number | Promise<number>,
  count: number,
  what: string,
): Promise<void> {
  let last = 0;
  const isThere = async (): Promise<boolean> => {
    last = await number();
    return last === count;
  };
  await eventually(isThere, GIVE_UP_MS, what).catch((error) => {
    throw new Error(`${last} of ${count} ${what} after ${GIVE_UP_MS / 1_000} s`, { cause: error });
  });
}

/** Makes the engine a Swarm of its own, without a network between its members; or why it cannot be one. */
async function whyNoSwarm({ client }: DockerEngine): Promise<string | undefined> {
  try {
    await client.swarmInit({ ListenAddr: '127.0.0.1:0', AdvertiseAddr: '127.0.0.1' });
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : `${error}`;
    process.stderr.write(`without Swarm: ${why}\n`);
    return why;
  }
}

async function bySwarm({ client }: DockerEngine, count: number): Promise<number> {
  const began = performance.now();
  const service = await client.createService({
    Name: 'many',
    TaskTemplate: {
      ContainerSpec: { Image: IMAGE, Command: ['sleep', '3600'] },
      Resources: { Limits: { MemoryBytes: MEMORY_BYTES } },
    },
    Mode: { Replicated: { Replicas: count } },
  });
  const running = async (): Promise<number> => {
    const tasks = await client.listTasks({ filters: { service: ['many'] } });
    return tasks.filter((each) => each.Status?.State === 'running').length;
  };
  await reached(running, count, 'tasks running');
  const tookMs = performance.now() - began;
  await service.remove();
  const isGone = async (): Promise<boolean> =>
    (
      await client.listContainers({
        all: true,
        filters: { label: ['com.docker.swarm.service.name=many'] },
      })
    ).length === 0;
  await eventually(isGone, GIVE_UP_MS, 'the tasks to go');
  return tookMs;
}
