/**
 * A machine with instances that are called all the time falls silent: its agent and its instances go
 * on, and nothing of it is heard, by nobody. Only calls under way there fail, and of those none that can
 * be sent again. When it is back it keeps nothing that was replaced.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentProgram } from '../../local/fabric.ts';
import { agentFlags } from '../../local/layout.ts';
import { nodeState } from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { InnerNetwork, noInnerNetwork } from '../support/inner-network.ts';
import { Load } from '../support/load.ts';
import { eventually } from '../support/ports.ts';

const HOST = 'web.localhost';
const CALLERS = 8;
const PROGRAM = `require('http').createServer((request, response) => {
    request.resume();
    setTimeout(() => response.end('here'), 20);
  }).listen(process.env.PORT, '0.0.0.0');`;

const why = noInnerNetwork();
describe.skipIf(why !== undefined)(`a machine that falls silent${why ? ` (${why})` : ''}`, () => {
  let under: FabricUnderTest;
  let network: InnerNetwork;
  const stateOf = (node: string) => {
    const found = under.nodes.get({ node });
    return found && nodeState(found);
  };
  const on = (node: string) => under.ready('web').filter((each) => each.node === node);

  beforeAll(async () => {
    under = await fabricUnderTest(['n1', 'n2']);
    const { fabric } = under;
    await fabric.child(agentProgram('n1')).stop();
    network = await InnerNetwork.start(fabric.settings.servers[0]?.nats ?? 0);
    network.spawn([process.execPath, ...agentFlags, fabric.programs.agent, fabric.layout.folder], {
      environment: {
        ...fabric.agentEnvironment('n1'),
        ...{ SHOAL_NATS: `nats://${network.gate}:${network.gatePort}`, SHOAL_ON_STOP: 'end' },
        ...{ SHOAL_ADDRESS: network.address, SHOAL_DRIVERS: 'process' },
      },
      log: fabric.layout.log('agent-inside'),
    });
    const isThere = () => network.connections > 0 && stateOf('n1') === 'ready';
    await eventually(isThere, 60_000, 'the agent inside');
    const body = {
      ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name: 'web' } },
      spec: {
        ...{ count: 4, command: ['node', '-e', PROGRAM], ports: [{ name: 'http' }] },
        ingress: { host: HOST },
      },
    };
    expect((await under.call('PUT', 'workloads/web', { body })).status).toBe(201);
    await eventually(() => under.ready('web').length === 4, 40_000, 'its instances');
    expect(on('n1').length).toBeGreaterThan(0);
  });
  afterAll(async () => {
    await network?.[Symbol.asyncDispose]();
    await under?.[Symbol.asyncDispose]();
  });

  test('loses only what was under way there and may not be sent twice', async () => {
    const instances = on('n1').map(({ instance }) => instance);
    const load = new Load(under.fabric.ingressUrl, HOST, CALLERS);
    try {
      await load.until('200 here');
      const fromMs = performance.now();
      await network.silence();
      await eventually(() => stateOf('n1') === 'offline', 20_000, 'n1 to be offline');
      // Whoever called then learns of it through the gateway, which may hear of it a moment later.
      await eventually(() => on('n2').length === 4, 30_000, 'replacements on the other machine');
      const untilMs = performance.now();
      const before = load.answers.get('200 here') ?? 0;
      await eventually(() => (load.answers.get('200 here') ?? 0) > before + 200, 20_000, 'calls');
      await load.stop();
      expect(load.failedBeside({ instances, fromMs, untilMs })).toEqual([]);
    } finally {
      await load.stop();
    }
    // A caller whose call hangs there sends no other: one of each, at most.
    expect(load.failed.length).toBeLessThanOrEqual(CALLERS);
    const methods = new Set(load.failed.map(({ method }) => method));
    expect([...methods].filter((each) => each !== 'POST' && each !== 'PUT')).toEqual([]);
  });

  test('is back with nothing of what was replaced', async () => {
    await network.heal();
    await eventually(() => stateOf('n1') === 'ready', 60_000, 'n1 to be ready');
    const inside = async () => (await under.parts()).filter(({ node }) => node === 'n1');
    await eventually(async () => (await inside()).length === 0, 30_000, 'n1 to end what it had');
    expect(on('n2').length).toBe(4);
  });
});
