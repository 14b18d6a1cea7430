/**
 * `make demo`: a whole fabric from nothing, a service and a job on it, a node killed and its work
 * back elsewhere, everything stopped again. One line per step, with the seconds it took.
 *
 * Exit codes: 0 all was shown; 1 a step failed: it is said which, why, and where the logs are; 130
 * and 143 stopped by SIGINT and SIGTERM. However it ends, everything it started is stopped.
 */
import { execFile, type PromiseWithChild } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { durabilityIn } from '../actors/runtime/durability-setting.ts';
import { reasonOf } from '../actors/runtime/reason.ts';
import { obtainServer } from '../nats/obtain.ts';
import { freePort } from '../nats/start.ts';
import { DemoApi, type InstanceShape } from './demo-api.ts';
import { Fabric } from './fabric.ts';
import { prepareFolder } from './folder.ts';
import { Layout, root } from './layout.ts';
import { endLeftovers } from './leftovers.ts';
import { exitCodeOf } from './once.ts';
import { claimRecord, removeRecord } from './record.ts';
import { capacityOf, portIn } from './settings.ts';

const call = promisify(execFile);
const NODES = ['n1', 'n2', 'n3'];
const HOST_NAME = 'hello.localhost';
const WITHIN_MS = 20_000;

/** Below STATE, where that is set; what an earlier demo left there goes. */
const layout = new Layout(join(resolve(process.env['STATE'] || join(root, '.shoal')), 'demo'));

let fabric: Fabric | undefined;
let current = 'begin';
let isClaimed = false;

/** Fails when the demo is to end before it is through: a signal, or a program that died. */
let giveUp: (reason: Error) => void = () => undefined;
const givenUp = new Promise<never>((_resolve, reject) => {
  giveUp = reject;
});
// Also where nobody waits for it yet.
givenUp.catch(() => undefined);

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
  const server = await step('obtain nats-server', async () => {
    const found = await obtainServer();
    return [`nats-server ${found.version} (${found.source})`, found];
  });
  current = 'prepare a folder';
  const own = await newFabric(layout.folder, server.path);
  await prepareFolder(layout.folder);
  await claim(own);
  fabric = own;
  await step('start the bus', async () => {
    await own.prepare();
    await own.startNats();
    return [`bus ready at ${own.natsUrl}`, undefined];
  });
  await step('start the control plane', async () => {
    await own.startControl();
    const { level } = own.settings.durability;
    return [`control plane ready: membership, scheduler, workload; durability ${level}`, undefined];
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

/** Makes this demo the only one in its folder, and ends and clears away what is there of earlier ones. */
async function claim(own: Fabric): Promise<void> {
  const { natsUrl, gatewayUrl, ingressUrl } = own;
  await claimRecord(layout.record, {
    ...{ pid: process.pid, natsUrl, gatewayUrl, ingressUrl, nodes: NODES },
    ...{ startedAt: new Date().toISOString(), isReady: false },
  });
  isClaimed = true;
  await endLeftovers(layout, []);
  for (const part of [layout.nats, layout.keys, layout.logs, layout.agents]) {
    await rm(part, { recursive: true, force: true });
  }
}

async function newFabric(folder: string, server: string): Promise<Fabric> {
  const port = async (name: string): Promise<number> =>
    portIn(process.env, name, undefined) ?? (await freePort());
  const durability = durabilityIn(process.env);
  const servers = [];
  for (let index = 0; index < durability.servers; index++) {
    // One that was chosen is the first server's; the others take those that follow.
    const ofServer = async (name: string): Promise<number> => {
      const chosen = portIn(process.env, name, undefined);
      return chosen === undefined ? freePort() : chosen + index;
    };
    servers.push({
      nats: await ofServer('SHOAL_NATS_PORT'),
      monitor: await ofServer('SHOAL_MONITOR_PORT'),
      cluster: await ofServer('SHOAL_CLUSTER_PORT'),
    });
  }
  const ports = {
    gateway: await port('SHOAL_GATEWAY_PORT'),
    ingress: await port('SHOAL_INGRESS_PORT'),
  };
  const capacity = capacityOf(NODES.length);
  return new Fabric({
    ...{ folder, server, servers, ports, capacity },
    ...{ nodes: NODES, isKept: false, durability },
    ended: (name, how) => giveUp(new Error(`${name} ${how} by itself`)),
  });
}

let typed: PromiseWithChild<unknown> | undefined;

/** Runs the command line as a person would; its words are the error when it fails. */
async function cli(own: Fabric, words: readonly string[]): Promise<void> {
  const environment = { ...process.env, SHOAL_GATEWAY: own.gatewayUrl };
  const all = [join(root, 'dist/cli/main.js'), ...words];
  try {
    typed = call(process.execPath, all, { env: environment });
    await typed;
  } catch (error) {
    const { stderr } = error as { readonly stderr?: string };
    throw new Error(stderr?.trim() || String(error));
  }
}

class Interrupted extends Error {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

/** Says what failed, stops everything, ends the process. */
async function fail(error: unknown): Promise<never> {
  const reason = reasonOf(error);
  tell(`failed to ${current}: ${reason}`);
  let code = error instanceof Interrupted ? exitCodeOf(error.signal) : 1;
  try {
    typed?.child.kill('SIGKILL');
    await typed?.catch(() => undefined);
    if (fabric) {
      tell(`logs: ${layout.logs}`);
      await fabric.stop();
      tell('stopped everything');
    }
    if (isClaimed) await removeRecord(layout.record);
  } catch (trouble) {
    tell(`could not stop everything: ${String(trouble)}; the next demo does`);
    code = 1;
  }
  process.exit(code);
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

// All of them, however often: stopping is bounded, and must not be stopped half-way.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => giveUp(new Interrupted(signal)));
}
process.on('uncaughtException', (error) => giveUp(error));
// Who reads with `head` has seen enough.
process.stdout.on('error', () => giveUp(new Error('nobody reads what it says')));
process.stderr.on('error', () => undefined);

const began = performance.now();
try {
  await Promise.race([demo(), givenUp]);
  await removeRecord(layout.record);
  const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(6);
  process.stdout.write(`${seconds}s  in all\n`);
  process.exit(0);
} catch (error) {
  await fail(error);
}
