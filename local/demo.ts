/**
 * `make demo`: a whole fabric from nothing, a service and a job on it, a node killed and its work
 * back elsewhere, everything stopped again. One line per step, with the seconds it took.
 *
 * Exit codes: showing.ts.
 */
import { join } from 'node:path';
import { DemoApi, type InstanceShape } from './demo-api.ts';
import { root } from './layout.ts';
import { Showing } from './showing.ts';

const NODES = ['n1', 'n2', 'n3'];
const HOST_NAME = 'hello.localhost';
/** What takes seconds on a quiet machine may take minutes on one that gets a tenth of its time. */
const WITHIN_MS = 180_000;

/** What there is to see, on a fabric that runs. */
async function show(showing: Showing): Promise<undefined> {
  const { fabric } = showing;
  const api = new DemoApi(fabric);
  const call = async (): Promise<readonly [string, undefined]> => {
    const said = await api.call(HOST_NAME);
    return [`GET http://${HOST_NAME}:${fabric.settings.ports.ingress}/ → "${said}"`, undefined];
  };
  await showing.step('apply examples/hello.yaml', async () => {
    await showing.type(['apply', '-f', join(root, 'examples/hello.yaml')]);
    return ['applied examples/hello.yaml: service hello of 3, job count-to-three', undefined];
  });
  await showing.step('wait for service and job', async () => {
    const ready = await api.instancesReady('hello', 3, WITHIN_MS);
    const job = await api.jobEnded('count-to-three', WITHIN_MS);
    const where = ready.map((each) => each.node).sort();
    return [`hello ready on ${where.join(', ')}; count-to-three ${job}`, undefined];
  });
  await showing.step('call the service', call);
  await showing.step('follow its log', async () => {
    const line = await api.logLine('hello', WITHIN_MS);
    return [`followed its log: "${line}"`, undefined];
  });
  const victim = await showing.step('kill a node', async () => {
    const [first] = await api.instances('hello');
    const node = first?.node ?? 'n1';
    const at = performance.now();
    const { agent, instances } = await fabric.killNode(node);
    const killed = [agent, ...instances].join(', ');
    const told = `killed node ${node} with SIGKILL: agent and instances (pids ${killed})`;
    return [told, { node, at }];
  });
  await showing.step('wait for the replacement', async () => {
    await api.nodeOffline(victim.node, WITHIN_MS);
    return [`node ${victim.node} declared offline`, undefined];
  });
  await showing.step('wait for the replacement', async () => {
    const isElsewhere = (each: InstanceShape): boolean => each.node !== victim.node;
    const ready = await api.instancesReady('hello', 3, WITHIN_MS, isElsewhere);
    const moved = ready.find((each) => each.epoch > 1);
    const seconds = ((performance.now() - victim.at) / 1000).toFixed(1);
    const told = `replacement of ${moved?.instance} ready on ${moved?.node}`;
    return [`${told}, ${seconds} s after the kill`, undefined];
  });
  await showing.step('call the service again', call);
}

await new Showing({ name: 'demo', nodes: NODES, show }).run();
