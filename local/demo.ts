/**
 * `make demo`: a whole fabric from nothing, a service and a job on it, a node killed and its work
 * back elsewhere, everything stopped again. One line per step, with the seconds it took.
 */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { obtainServer } from '../nats/obtain.ts';
import { freePort } from '../nats/start.ts';
import { DemoApi, type InstanceShape } from './demo-api.ts';
import { Fabric } from './fabric.ts';
import { root } from './layout.ts';
import { capacityOf } from './settings.ts';

const call = promisify(execFile);
const NODES = ['n1', 'n2', 'n3'];
const HOST_NAME = 'hello.localhost';
const WITHIN_MS = 20_000;

let fabric: Fabric | undefined;
let current = 'start';

/** Does one thing and prints what came of it, with its time. */
async function step<T>(what: string, act: () => Promise<readonly [string, T]>): Promise<T> {
  current = what;
  const began = performance.now();
  const [told, value] = await act();
  const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(6);
  process.stdout.write(`${seconds}s  ${told}\n`);
  return value;
}

async function demo(): Promise<void> {
  const folder = join(root, '.shoal', 'demo');
  await rm(folder, { recursive: true, force: true });
  const server = await step('obtain nats-server', async () => {
    const found = await obtainServer();
    return [`nats-server ${found.version} (${found.source})`, found];
  });
  const own = await newFabric(folder, server.path);
  fabric = own;
  await step('start the bus', async () => {
    await own.prepare();
    await own.startNats();
    return [`bus ready at ${own.natsUrl}`, undefined];
  });
  await step('start the control plane', async () => {
    await own.startControl();
    return ['control plane ready: membership, scheduler, workload', undefined];
  });
  await step('start gateway and agents', async () => {
    await Promise.all([own.startGateway(), ...NODES.map((node) => own.startAgent(node))]);
    await new DemoApi(own).nodesReady(NODES.length, WITHIN_MS);
    return [`gateway ready at ${own.gatewayUrl}, ${NODES.length} nodes ready`, undefined];
  });
  await show(own, new DemoApi(own));
}

/** What there is to see, on a fabric that runs. */
async function show(own: Fabric, api: DemoApi): Promise<void> {
  await step('apply examples/hello.yaml', async () => {
    await cli(own, ['apply', '-f', join(root, 'examples/hello.yaml')]);
    return ['applied examples/hello.yaml: service hello of 3, job count-to-three', undefined];
  });
  await step('wait for service and job', async () => {
    const ready = await api.instancesReady('hello', 3, WITHIN_MS);
    const job = await api.jobEnded('count-to-three', WITHIN_MS);
    const where = ready.map((each) => each.node).sort();
    return [`hello ready on ${where.join(', ')}; count-to-three ${job}`, undefined];
  });
  await step('call the service', async () => {
    const said = await api.call(HOST_NAME);
    return [`GET http://${HOST_NAME}:${own.settings.ports.ingress}/ → "${said}"`, undefined];
  });
  await step('follow its log', async () => {
    const line = await api.logLine('hello', WITHIN_MS);
    return [`followed its log: "${line}"`, undefined];
  });
  const victim = await step('kill a node', async () => {
    const [first] = await api.instances('hello');
    const node = first?.node ?? 'n1';
    const at = performance.now();
    const { agent, instances } = await own.killNode(node);
    const killed = [agent, ...instances].join(', ');
    const told = `killed node ${node} with SIGKILL: agent and instances (pids ${killed})`;
    return [told, { node, at }];
  });
  await step('wait for the replacement', async () => {
    await api.nodeOffline(victim.node, WITHIN_MS);
    return [`node ${victim.node} declared offline`, undefined];
  });
  await step('wait for the replacement', async () => {
    const isElsewhere = (each: InstanceShape): boolean => each.node !== victim.node;
    const ready = await api.instancesReady('hello', 3, WITHIN_MS, isElsewhere);
    const moved = ready.find((each) => each.epoch > 1);
    const seconds = ((performance.now() - victim.at) / 1000).toFixed(1);
    const told = `replacement of ${moved?.instance} ready on ${moved?.node}`;
    return [`${told}, ${seconds} s after the kill`, undefined];
  });
  await step('call the service again', async () => {
    const said = await api.call(HOST_NAME);
    return [`GET http://${HOST_NAME}:${own.settings.ports.ingress}/ → "${said}"`, undefined];
  });
  await step('stop', async () => {
    await own.stop();
    return ['stopped everything', undefined];
  });
}

async function newFabric(folder: string, server: string): Promise<Fabric> {
  const ports = {
    nats: await freePort(),
    monitor: await freePort(),
    gateway: await freePort(),
    ingress: await freePort(),
  };
  const capacity = capacityOf(NODES.length);
  return new Fabric({
    ...{ folder, server, ports, capacity },
    ...{ nodes: NODES, isKept: false, syncInterval: '10s' },
  });
}

/** Runs the command line as a person would; its words are the error when it fails. */
async function cli(own: Fabric, words: readonly string[]): Promise<void> {
  const environment = { ...process.env, SHOAL_GATEWAY: own.gatewayUrl };
  try {
    await call(process.execPath, [join(root, 'dist/cli/main.js'), ...words], { env: environment });
  } catch (error) {
    const { stderr } = error as { readonly stderr?: string };
    throw new Error(stderr?.trim() || String(error));
  }
}

const interrupted = new Promise<never>((_resolve, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => reject(new Error(`interrupted by ${signal}`)));
  }
});

const began = performance.now();
try {
  await Promise.race([demo(), interrupted]);
  const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(6);
  process.stdout.write(`${seconds}s  in all\n`);
  process.exit(0);
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  process.stderr.write(`failed to ${current}: ${reason}\n`);
  if (fabric) {
    process.stderr.write(`logs: ${join(fabric.layout.folder, 'logs')}\n`);
    await fabric.stop();
  }
  process.exit(1);
}
