/** What must be so once faults have ceased: promises kept, each instance once, nothing left over. */
import { connect } from 'node:net';
import { instanceOf } from '../../edge-agent/parts.ts';
import { nodeState } from '../../subjects/index.ts';
import type { FabricUnderTest } from '../support/fabric.ts';
import type { RunningPart } from '../support/processes.ts';
import type { Orders } from './orders.ts';

/** What is not as it should be; none: the fabric is whole. */
export async function problems(under: FabricUnderTest, orders: Orders): Promise<string[]> {
  const found: string[] = [];
  for (const { value } of under.nodes.entries()) {
    const state = nodeState(value);
    if (state !== 'ready') found.push(`node ${value.node} is ${state}`);
  }
  for (const [name, promised] of orders.promised) {
    const workload = under.workloads.get({ tenant: 'default', workload: name });
    if (promised === 'unknown') continue;
    if (promised === 0) {
      if (workload) found.push(`${name} was deleted and is there`);
    } else if (workload?.spec.count !== promised) {
      found.push(`${name} was promised ${promised} and wants ${workload?.spec.count ?? 'none'}`);
    }
  }
  for (const { value } of under.workloads.entries()) {
    const ready = under.ready(value.name).length;
    if (ready !== value.spec.count) found.push(`${value.name}: ${ready} of ${value.spec.count}`);
  }
  // All processes of the machine are read for it: not before the store says that all is well.
  if (found.length > 0) return found;
  return [...(await misplaced(under)), ...(await unanswered(under))];
}

/** Every port that a ready instance is said to have takes a connection. */
async function unanswered(under: FabricUnderTest): Promise<string[]> {
  const endpoints: { readonly of: string; readonly port: number }[] = [];
  for (const { value: workload } of under.workloads.entries()) {
    for (const each of under.ready(workload.name)) {
      const ports = Object.values(under.seen(each)?.ports ?? {});
      for (const port of ports) endpoints.push({ of: each.instance, port });
    }
  }
  const numbers = new Set(endpoints.map(({ port }) => port));
  if (numbers.size < endpoints.length) return ['two instances have the same port'];
  const asked = await Promise.all(
    endpoints.map(async ({ of, port }) =>
      (await takesConnections(port)) ? '' : `${of} does not listen on ${port}`,
    ),
  );
  return asked.filter((each) => each !== '');
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const done = (takes: boolean): void => {
      socket.destroy();
      resolve(takes);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
    socket.setTimeout(1_000, () => done(false));
  });
}

/** Every process is of an entry of a ledger, and every entry is one run. */
async function misplaced(under: FabricUnderTest): Promise<string[]> {
  const listed = [...under.ledgers.entries()].map(({ value }) => {
    return { node: value.node, names: Object.keys(value.entries) };
  });
  return misplacedAmong(listed, await under.parts());
}

/** What of these runs is on no ledger, runs elsewhere or twice; what is listed twice or does not run. */
export function misplacedAmong(
  ledgers: readonly { readonly node: string; readonly names: readonly string[] }[],
  parts: readonly RunningPart[],
): string[] {
  const found: string[] = [];
  const listed = new Map<string, string[]>();
  for (const { node, names } of ledgers) {
    for (const name of names) listed.set(name, [...(listed.get(name) ?? []), node]);
  }
  const running = new Map<string, string[]>();
  for (const { part, node } of parts) running.set(part, [...(running.get(part) ?? []), node]);
  for (const [part, nodes] of running) {
    if (nodes.length > 1) found.push(`${part} runs ${nodes.length} times, on ${nodes.join(', ')}`);
    const where = listed.get(instanceOf(part));
    if (!where) found.push(`${part} runs and is on no ledger`);
    else if (!nodes.every((node) => where.includes(node))) {
      found.push(`${part} runs on ${nodes.join(', ')} and is listed on ${where.join(', ')}`);
    }
  }
  for (const [name, nodes] of listed) {
    if (nodes.length > 1) found.push(`${name} is on ${nodes.length} ledgers`);
    if (!running.has(name)) found.push(`${name} is on a ledger and does not run`);
  }
  return found;
}
