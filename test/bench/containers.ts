/**
 * How long it takes until so many containers run: through Shoal, by the engine alone (created and
 * started by its API, several at a time), and as a service of the engine's own Swarm, one after another
 * on one engine.
 *
 * Containers are busybox in `sleep`; their image is there. Not measured: pulls, and engines on several
 * machines. Where the engine cannot be a Swarm here, that figure is left out.
 */
import { noDocker } from '../../local/docker.ts';
import { DockerEngine, IMAGE } from '../support/docker.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { onFile } from './bus.ts';
import { api } from './called-service.ts';
import { type Benchmark, median, repeated } from './figure.ts';

const COUNTS = [1, 50, 200];
/** Containers that the engine is asked for at a time, when it is asked straight. */
const AT_A_TIME = 8;
const MEMORY_BYTES = 16 * 2 ** 20;

export const containers: Benchmark = {
  name: 'workload.containers',
  async run(tell) {
    const why = noDocker();
    if (why !== undefined) {
      process.stderr.write(`workload.containers is left out: ${why}\n`);
      return;
    }
    await using engine = await DockerEngine.start({ isLeaving: false });
    const environment = { SHOAL_DOCKER: engine.socket };
    const capacity = 'cpu=100,memory=64Gi,disk=64Gi';
    await using under = await fabricUnderTest(['n1'], { environment, capacity });
    const swarm = await canSwarm(engine);
    for (const count of COUNTS) {
      const rounds = count === 1 ? 7 : count === 50 ? 3 : 1;
      const configuration = { ...onFile, containers: count, rounds };
      const told = (by: string, times: readonly number[]): void =>
        tell({
          ...{ name: `workload.containers.${by}_${count}`, value: median(times), unit: 'ms' },
          ...{ better: 'lower', configuration },
        });
      told('shoal', await repeated(rounds, () => byShoal(under, count)));
      told('engine', await repeated(rounds, () => byEngine(engine, count)));
      if (swarm) told('swarm', await repeated(rounds, () => bySwarm(engine, count)));
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
  await eventually(() => under.ready(name).length === count, 300_000, `${count} containers`);
  const tookMs = performance.now() - began;
  await api(under, 'DELETE', `workloads/${name}`);
  const isGone = (): boolean => !under.workloads.get({ tenant: 'default', workload: name });
  await eventually(isGone, 300_000, 'the containers to go');
  return tookMs;
}

async function byEngine({ client }: DockerEngine, count: number): Promise<number> {
  const left = Array.from({ length: count }, (_, index) => index);
  const made: string[] = [];
  const began = performance.now();
  const work = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const container = await client.createContainer({
        ...{ Image: IMAGE, Cmd: ['sleep', '3600'], HostConfig: { Memory: MEMORY_BYTES } },
      });
      await container.start();
      made.push(container.id);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  const tookMs = performance.now() - began;
  for (const id of made) await client.getContainer(id).remove({ force: true, v: true });
  return tookMs;
}

/** Makes the engine a Swarm of its own, without a network between its members. */
async function canSwarm({ client }: DockerEngine): Promise<boolean> {
  try {
    await client.swarmInit({ ListenAddr: '127.0.0.1:0', AdvertiseAddr: '127.0.0.1' });
    return true;
  } catch (error) {
    process.stderr.write(`without Swarm: ${error instanceof Error ? error.message : error}\n`);
    return false;
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
  await eventually(async () => (await running()) === count, 300_000, `${count} tasks`);
  const tookMs = performance.now() - began;
  await service.remove();
  const isGone = async (): Promise<boolean> =>
    (
      await client.listContainers({
        all: true,
        filters: { label: ['com.docker.swarm.service.name=many'] },
      })
    ).length === 0;
  await eventually(isGone, 300_000, 'the tasks to go');
  return tookMs;
}
