/**
 * Calls that take longer than ingress waits for before an instance is told to end: under way through a
 * rolling update they are answered where the program finishes what it has begun, or its `preStop` waits
 * for them. Where neither is so, those fail that nobody may send twice, and no others.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { Load } from '../support/load.ts';
import { eventually } from '../support/ports.ts';

/** How long a call takes, in milliseconds: three times what ingress waits for (actors/workload/settle.ts). */
const CALL_MS = 1_500;
const CALLERS = 8;
/** Answers after a while; `onTerm`: what it does when it is told to end, undefined: it ends at once. */
const program = (onTerm = '') => `
  const server = require('http').createServer((request, response) => {
    request.resume();
    setTimeout(() => response.end(process.env.VERSION), ${CALL_MS});
  }).listen(process.env.PORT);
  ${onTerm}
`;
const finishes = program(`process.on('SIGTERM', () => server.close());`);

let under: FabricUnderTest;
beforeAll(async () => {
  under = await fabricUnderTest(['n1']);
});
afterAll(async () => {
  await under?.[Symbol.asyncDispose]();
});

/** Applies a service of two, and waits until all of it is of that version. */
async function serve(name: string, version: string, spec: object): Promise<void> {
  const body = {
    ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name } },
    spec: {
      ...{ count: 2, environment: { VERSION: version }, ports: [{ name: 'http' }], grace: '20s' },
      ...{ ingress: { host: `${name}.localhost` }, update: { strategy: 'rolling' }, ...spec },
    },
  };
  const { body: answer } = await under.call('PUT', `workloads/${name}`, { body });
  expect(answer, name).not.toHaveProperty('code');
  const isDone = async () =>
    (await under.call('GET', `workloads/${name}/rollout`)).body['state'] === 'complete';
  await eventually(isDone, 20_000, `${name} is complete`);
}

/** Calls a service all the time while it comes to another version; how the calls went. */
async function updated(name: string, spec: object): Promise<Load> {
  await serve(name, 'a', spec);
  const load = new Load(under.fabric.ingressUrl, `${name}.localhost`, CALLERS);
  try {
    await load.until('200 a');
    await serve(name, 'b', spec);
    await load.until('200 b');
  } finally {
    await load.stop();
  }
  return load;
}

test('a program that finishes what it has begun loses no call', async () => {
  const load = await updated('finishing', { command: ['node', '-e', finishes] });
  expect(load.failed).toEqual([]);
  expect([...load.answers.keys()].sort()).toEqual(['200 a', '200 b']);
});

test('a program that ends at once loses none while its preStop waits for them', async () => {
  const preStop = { command: ['sleep', '5'] };
  const load = await updated('waiting', { command: ['node', '-e', program()], preStop });
  expect(load.failed).toEqual([]);
  expect([...load.answers.keys()].sort()).toEqual(['200 a', '200 b']);
});

test('without either only such calls are lost as nobody may send twice', async () => {
  const load = await updated('hasty', { command: ['node', '-e', program()] });
  // It is what the others are spared: some of the calls under way are cut off.
  expect(load.failed.length).toBeGreaterThan(0);
  // What had a body cannot be sent again either: it is passed on as it comes.
  const methods = new Set(load.failed.map(({ method }) => method));
  expect([...methods].filter((each) => each !== 'POST' && each !== 'PUT')).toEqual([]);
});
