/**
 * How many slots a second a pool gets whose slots are containers, with one warming at a time and with as
 * many as there are where nothing is said; and how many containers a second the engine starts by itself
 * that many at a time, by its API, in turn with it.
 *
 * Slots are busybox in `sleep`, ready when they run; their image is there. Not measured: pulls, engines on
 * several machines, and the end of what was claimed, which happens beside a refill in real life.
 */
import { DockerEngine, IMAGE } from '../support/docker.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { onFile } from './bus.ts';
import { api } from './called-service.ts';
import { byEngine, isLeftOut } from './engine-alone.ts';
import { type Benchmark, median } from './figure.ts';

const SLOTS = 16;
const ROUNDS = 3;
/** `refillParallelism`: the least, and what it is where nothing is said. */
const PARALLELISMS = [1, 8];
/** Until so many are ready, or gone, in milliseconds. */
const GIVE_UP_MS = 120_000;

export const poolContainers: Benchmark = {
  name: 'pool.refill_docker',
  async run(tell) {
    if (isLeftOut('pool.refill_docker', tell)) return;
    await using engine = await DockerEngine.start();
    const environment = { SHOAL_DOCKER: engine.socket };
    const capacity = 'cpu=100,memory=64Gi,disk=64Gi';
    await using under = await fabricUnderTest(['n1'], { environment, capacity });
    // Both begin warm: what is read for the first time takes longer.
    await byEngine(engine, 4, 1);
    await byPool(under, 4, 4);
    for (const parallelism of PARALLELISMS) {
      const pool: number[] = [];
      const alone: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        pool.push(await byPool(under, SLOTS, parallelism));
        alone.push(await byEngine(engine, SLOTS, parallelism));
      }
      const configuration = { ...onFile, slots: SLOTS, parallelism, rounds: ROUNDS, nodes: 1 };
      for (const [by, times] of [
        ['', pool],
        ['engine_', alone],
      ] as const) {
        tell({
          ...{ name: `pool.refill_docker_${by}${parallelism}`, unit: 'slots/s' },
          ...{ value: (SLOTS * 1_000) / median(times), better: 'higher', configuration },
        });
      }
    }
  },
};

/** How long an empty pool takes until so many slots are ready, in milliseconds; it is empty afterwards. */
async function byPool(under: FabricUnderTest, count: number, parallelism: number): Promise<number> {
  const apply = (ready: number) =>
    api(under, 'PUT', 'pools/many', {
      ...{ apiVersion: 'shoal/v1', kind: 'pool', metadata: { name: 'many' } },
      spec: {
        template: {
          ...{ driver: 'docker', image: IMAGE, command: ['sleep', '3600'], grace: '0s' },
          resources: { cpu: '10m', memory: '16Mi' },
        },
        ...{ ready, maximum: 2 * SLOTS, refillParallelism: parallelism },
      },
    });
  const has = async (wanted: number): Promise<boolean> => {
    const { warming, ready, draining } = (await api(under, 'GET', 'pools/many')).slots;
    return ready === wanted && warming + draining === 0;
  };
  const began = performance.now();
  await apply(count);
  await eventually(() => has(count), GIVE_UP_MS, 'a full pool');
  const tookMs = performance.now() - began;
  await apply(0);
  await eventually(() => has(0), GIVE_UP_MS, 'an empty pool');
  return tookMs;
}
