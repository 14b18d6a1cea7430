/**
 * The life of work on a real fabric of processes: from the call that submits it until it runs, and
 * from a death until what died is back. Times are taken where an operator's view sees the change.
 *
 * Instances are `sleep`, so what is measured is Shoal, not the program. The last step of each
 * time is the agent's report of a running process.
 */

import { membership } from '../../actors/membership/actor.ts';
import { Host } from '../../actors/runtime/host.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import type { Job } from '../../actors/runtime/ports.ts';
import { Views } from '../../actors/runtime/views.ts';
import { agent } from '../../edge-agent/actor.ts';
import { instancesOf } from '../../local/instances.ts';
import { nodeRecord, nodeState, PROTOCOL } from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { benchBus, onFile } from './bus.ts';
import { type Benchmark, percentile, type Tell } from './figure.ts';

const SUBMITS = 40;
const DEATHS = 20;
const AGENT_DEATHS = 5;
const NODE_DEATHS = 8;
const JOINS = 50;
const NODES = ['n1', 'n2', 'n3'];

export const life: Benchmark = {
  name: 'fabric.life',
  async run(tell) {
    await using under = await fabricUnderTest(NODES);
    const configuration = { ...onFile, nodes: NODES.length, driver: 'process' };
    const both = (name: string, samples: readonly number[], targets: readonly number[]): void => {
      for (const [index, share] of [0.5, 0.95].entries()) {
        const target = targets[index];
        tell({
          ...{ name: `fabric.life.${name}_p${share * 100}`, value: percentile(samples, share) },
          ...{
            unit: 'ms',
            better: 'lower',
            configuration: { ...configuration, samples: samples.length },
          },
          ...(target === undefined ? {} : { target }),
        });
      }
    };
    both('submit_running', await submits(under), []);
    await put(under, 'victims', 3);
    await eventually(() => under.ready('victims').length === 3);
    both('instance_replaced', await instanceDeaths(under), [500, 1_000]);
    both('agent_back', await agentDeaths(under, tell), []);
    both('node_replaced', await nodeDeaths(under), [4_000, 5_500]);
    both('join_ready', await joins(), [200, 200]);
  },
};

async function put(under: FabricUnderTest, name: string, count: number): Promise<void> {
  const response = await fetch(`${under.fabric.gatewayUrl}/api/v1/workloads/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name } },
      spec: { count, command: ['sleep', '3600'], grace: '1s' },
    }),
  });
  if (!response.ok) throw new Error(await response.text());
}

async function submits(under: FabricUnderTest): Promise<number[]> {
  const samples: number[] = [];
  for (let index = 0; index < SUBMITS; index++) {
    const name = `submit-${index}`;
    const began = performance.now();
    await put(under, name, 1);
    await eventually(() => under.ready(name).length === 1);
    samples.push(performance.now() - began);
    await fetch(`${under.fabric.gatewayUrl}/api/v1/workloads/${name}`, { method: 'DELETE' });
  }
  return samples;
}

async function instanceDeaths(under: FabricUnderTest): Promise<number[]> {
  const samples: number[] = [];
  for (let index = 0; index < DEATHS; index++) {
    const node = NODES[index % NODES.length] as string;
    const all = await instancesOf(under.fabric.layout.agent(node));
    const victim = all.find((each) => each.name.startsWith('default.victims-'));
    if (!victim) continue;
    const instance = victim.name.split('.')[1] as string;
    const seen = () => under.observed.get({ node, tenant: 'default', instance });
    const before = seen()?.pid;
    const began = performance.now();
    process.kill(-victim.pid, 'SIGKILL');
    await eventually(() => seen()?.isReady === true && seen()?.pid !== before);
    samples.push(performance.now() - began);
    // What dies too often within the window moves away; that is another figure.
    if (index % 4 === 3) await renew(under);
  }
  return samples;
}

async function renew(under: FabricUnderTest): Promise<void> {
  await fetch(`${under.fabric.gatewayUrl}/api/v1/workloads/victims`, { method: 'DELETE' });
  await eventually(() => [...under.instances.by('workload', 'default.victims')].length === 0);
  await put(under, 'victims', 3);
  await eventually(() => under.ready('victims').length === 3);
}

/** An agent is killed and started again at once: how long until its node is ready again. */
async function agentDeaths(under: FabricUnderTest, tell: Tell): Promise<number[]> {
  const samples: number[] = [];
  const before = new Set(under.ready('victims').map((each) => under.seen(each)?.pid));
  for (let index = 0; index < AGENT_DEATHS; index++) {
    const node = NODES[index % NODES.length] as string;
    const state = () => {
      const found = under.nodes.get({ node });
      return found && nodeState(found);
    };
    const began = performance.now();
    await under.fabric.child(`agent-${node}`).stop('SIGKILL');
    await eventually(() => state() === 'suspect');
    await under.fabric.startAgent(node);
    await eventually(() => state() === 'ready');
    samples.push(performance.now() - began);
  }
  await eventually(() => under.ready('victims').length === 3);
  const after = under.ready('victims').map((each) => under.seen(each)?.pid);
  tell({
    ...{ name: 'fabric.life.agent_restarts', unit: 'instances', target: 0, better: 'lower' },
    value: after.filter((pid) => !before.has(pid)).length,
    configuration: { ...onFile, deaths: AGENT_DEATHS, what: 'instances restarted or moved' },
  });
  return samples;
}

async function nodeDeaths(under: FabricUnderTest): Promise<number[]> {
  const samples: number[] = [];
  for (let index = 0; index < NODE_DEATHS; index++) {
    const node = under.ready('victims')[0]?.node as string;
    const began = performance.now();
    await under.fabric.killNode(node);
    const isBack = (): boolean => {
      const ready = under.ready('victims');
      return ready.length === 3 && ready.every((each) => each.node !== node);
    };
    await eventually(isBack, 20_000);
    samples.push(performance.now() - began);
    await under.fabric.startAgent(node);
    await eventually(() => under.nodes.get({ node })?.liveness === 'ready');
  }
  return samples;
}

/** An agent's actor joins a bus with membership on it: until its node is ready in a view. */
async function joins(): Promise<number[]> {
  await using bus = await benchBus();
  const [first, second] = bus.names;
  if (!first || !second) throw new Error('no connections');
  const ports = await bus.ports(first);
  const views = new Views(ports.store, ports.clock, silentLog);
  const host = new Host(membership(), { ports, views, copy: 'bench', log: silentLog });
  const nodes = views.follow(nodeRecord);
  await new Promise<void>((resolve) => views.start(resolve));
  host.start();
  const samples: number[] = [];
  const outside = await bus.ports(second);
  for (let index = 0; index < JOINS; index++) {
    const node = `j${index}`;
    const own = new Views(outside.store, outside.clock, silentLog);
    const joining = new Host(agent(node), {
      ...{ ports: outside, views: own, copy: node, log: silentLog, jobs: jobsOf(node, index) },
    });
    await new Promise<void>((resolve) => own.start(resolve));
    const began = performance.now();
    joining.start();
    await eventually(() => nodes.get({ node })?.liveness === 'ready');
    samples.push(performance.now() - began);
    joining.stop();
    own.close();
  }
  host.stop();
  views.close();
  return samples;
}

function jobsOf(node: string, client: number): Record<string, Job> {
  const quiet: Job = () => undefined;
  return {
    facts: (_input, report) =>
      report({
        ...{ identity: '00000000-0000-0000-0000-000000000000', class: 'steady', labels: {} },
        ...{ architecture: 'x64', platform: 'linux', hostname: node, address: '127.0.0.1' },
        ...{ agentVersion: '0.0.0', protocol: PROTOCOL },
        drivers: { process: { enforces: [], notEnforced: {} } },
        capacity: { cpuMilli: 1_000, memoryBytes: 2 ** 30, diskBytes: 2 ** 30 },
      }),
    connection: (_input, report) => report({ server: 'bench', client }),
    adopt: (_input, report) => report({ kind: 'found', found: [] }),
    ...{ measure: quiet, start: quiet, stop: quiet, forget: quiet, relabel: quiet },
    ...{ reread: quiet, giveUp: quiet },
  };
}
