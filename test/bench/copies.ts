/**
 * Copying one file out of an instance and into it by `shoal cp`, as a person does: for a process, and for a
 * container beside `docker cp` on the same engine. Gateway, nats-server, agent, engine and callers share
 * the machine.
 *
 * Measured: bytes of the file by the time of the whole command, its start included; what arrived is compared
 * byte by byte. Not measured: a network between them, and folders of many files.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findDocker, noDocker } from '../../local/docker.ts';
import { root } from '../../local/layout.ts';
import { SESSION_WINDOW } from '../../subjects/index.ts';
import { DockerEngine, IMAGE } from '../support/docker.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { onFile } from './bus.ts';
import { api } from './called-service.ts';
import { type Benchmark, median, type Tell } from './figure.ts';

const call = promisify(execFile);
const BYTES = 128 * 1024 * 1024;
const RUNS = 5;

/** Copies from one place to another; one of both is in an instance. */
type Cp = (from: string, to: string) => Promise<unknown>;

export const copies: Benchmark = {
  name: 'workload.copy',
  async run(tell, isWanted) {
    const ways = ['process', 'docker', 'docker_cp'] as const;
    const wanted = ways.filter((way) =>
      ['in', 'out'].some((direction) => isWanted(`workload.copy.${way}_${direction}`)),
    );
    if (wanted.length === 0) return;
    const why = noDocker();
    if (why !== undefined) process.stderr.write(`workload.copy without containers: ${why}\n`);
    await using engine = why === undefined ? await DockerEngine.start({ isLeaving: false }) : null;
    const environment = engine ? { SHOAL_DOCKER: engine.socket } : {};
    await using under = await fabricUnderTest(['n1'], { environment });
    const here = await mkdtemp(join(tmpdir(), 'shoal-bench-'));
    try {
      const to = { tell, here };
      const cp = byShoal(under);
      if (wanted.includes('process')) {
        await measured(to, 'process', { cp, at: `${await instance(under, 'process')}:/` });
      }
      if (!engine) return;
      const id = await instance(under, 'docker');
      if (wanted.includes('docker')) await measured(to, 'docker', { cp, at: `${id}:/` });
      const beside = await byEngine(engine, id);
      if (beside && wanted.includes('docker_cp')) await measured(to, 'docker_cp', beside);
    } finally {
      await rm(here, { recursive: true, force: true });
    }
  },
};

async function instance(under: FabricUnderTest, driver: 'process' | 'docker'): Promise<string> {
  const name = `copy-${driver}`;
  await api(under, 'PUT', `workloads/${name}`, {
    ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name } },
    spec: {
      ...{ driver, command: ['sleep', '3600'], grace: '0s' },
      ...(driver === 'docker' ? { image: IMAGE } : {}),
    },
  });
  await eventually(() => under.ready(name).length === 1, 60_000, name);
  return under.ready(name)[0]?.instance ?? '';
}

function byShoal(under: FabricUnderTest): Cp {
  const env = { ...process.env, SHOAL_GATEWAY: under.fabric.gatewayUrl };
  const program = join(root, 'dist/cli/main.js');
  return (from, to) => call(process.execPath, [program, 'cp', from, to], { env });
}

/** The engine's own command, of the container of an instance; undefined: it is not there. */
async function byEngine({ client, socket }: DockerEngine, id: string) {
  const programs = await findDocker();
  const docker = join(dirname(programs?.dockerd ?? ''), '..', 'bin', 'docker');
  const env = { ...programs?.environment, DOCKER_HOST: `unix://${socket}` };
  const is = await call(docker, ['version'], { env }).catch((error) => String(error));
  if (typeof is === 'string') {
    process.stderr.write(`workload.copy without docker cp: ${is}\n`);
    return undefined;
  }
  const filters = { label: [`shoal.instance=${id}`] };
  const [container] = await client.listContainers({ filters });
  const cp: Cp = (from, to) => call(docker, ['cp', from, to], { env });
  return { cp, at: `${container?.Id}:/` };
}

/** Megabytes per second of what goes in, and of what comes out again. */
async function measured(
  { tell, here }: { readonly tell: Tell; readonly here: string },
  way: string,
  { cp, at }: { readonly cp: Cp; readonly at: string },
): Promise<void> {
  const [sent, back] = [join(here, 'sent'), join(here, 'back')];
  const speeds = { in: [] as number[], out: [] as number[] };
  for (let run = 0; run < RUNS; run++) {
    const bytes = randomBytes(BYTES);
    await writeFile(sent, bytes);
    speeds.in.push(await speedOf(() => cp(sent, `${at}file`)));
    await rm(back, { force: true });
    speeds.out.push(await speedOf(() => cp(`${at}file`, back)));
    if (!bytes.equals(await readFile(back))) throw new Error(`${way}: other bytes came back`);
  }
  for (const direction of ['in', 'out'] as const) {
    tell({
      ...{ name: `workload.copy.${way}_${direction}`, value: median(speeds[direction]) },
      ...{ unit: 'MB/s', better: 'higher' },
      configuration: { ...onFile, runs: RUNS, bytes: BYTES, windowBytes: SESSION_WINDOW },
    });
  }
}

async function speedOf(act: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await act();
  return BYTES / 1e6 / ((performance.now() - began) / 1000);
}
