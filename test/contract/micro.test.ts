/** Every actor answers the services protocol, and every answer is one the `nats` command takes. */
import { Ajv, type ValidateFunction } from 'ajv';
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { actors } from '../../actors/main.ts';
import type { Actor } from '../../actors/runtime/actor.ts';
import { Host } from '../../actors/runtime/host.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import { serveHost } from '../../actors/runtime/nats/process.ts';
import { answerServices, type Service } from '../../actors/runtime/nats/services.ts';
import type { Close } from '../../actors/runtime/ports.ts';
import { VERSION } from '../../actors/runtime/version.ts';
import { Views } from '../../actors/runtime/views.ts';
import { agent } from '../../edge-agent/actor.ts';
import type { Identity } from '../../subjects/permissions.ts';
import { infoSchema, pingSchema, statsSchema } from '../support/micro-schemas.ts';
import { type NatsFixture, natsFixture } from '../support/nats.ts';

const control: Identity = { role: 'control', name: 'control' };
const device: Identity = { role: 'agent', name: 'n1' };
const operator: Identity = { role: 'operator', name: 'operator' };

const ajv = new Ajv({ allErrors: true, allowUnionTypes: true });
const valid: Readonly<Record<string, ValidateFunction>> = {
  PING: ajv.compile(pingSchema),
  INFO: ajv.compile(infoSchema),
  STATS: ajv.compile(statsSchema),
};
const verbs = Object.keys(valid);

interface Answered {
  readonly type: string;
  readonly name: string;
  readonly id: string;
  readonly endpoints?: readonly { readonly name: string; readonly subject: string }[];
}

let fixture: NatsFixture;
let asker: NatsConnection;
const closes: Close[] = [];

async function serve(identity: Identity, all: readonly Actor[], byIdOnly: boolean): Promise<void> {
  const ports = await fixture.ports(identity);
  for (const actor of all) {
    const views = new Views(ports.store, ports.clock, silentLog);
    const id = byIdOnly ? identity.name : 'copy-1';
    const host = new Host(actor, { ports, views, copy: id, log: silentLog });
    closes.push(serveHost(ports.connection, host, { version: VERSION, id, byIdOnly }));
  }
  await ports.connection.flush();
}

beforeAll(async () => {
  fixture = await natsFixture([control, device, operator]);
  asker = await fixture.connect(operator);
  await serve(control, actors(), false);
  await serve(device, [agent('n1') as unknown as Actor], true);
});
afterAll(async () => {
  for (const close of closes) close();
  await fixture?.[Symbol.asyncDispose]();
});

/** Everything that answers until nobody has for a while, as the `nats` command listens. */
async function ask(subject: string): Promise<readonly Answered[]> {
  const answers: Answered[] = [];
  const options = { strategy: 'stall', stall: 150, maxWait: 2_000 } as const;
  try {
    for await (const message of await asker.requestMany(subject, '{}', options)) {
      answers.push(message.json<Answered>());
    }
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'NoResponders') throw error;
  }
  return answers;
}

const names = actors().map((actor) => `shoal-${actor.name}`);

describe.each(verbs)('$SRV.%s', (verb) => {
  const check = (answer: Answered): void => {
    const isValid = valid[verb] as ValidateFunction;
    isValid(answer);
    expect(isValid.errors ?? [], JSON.stringify(answer)).toEqual([]);
  };

  test('is answered by every actor of the control plane, and by no agent', async () => {
    const answers = await ask(`$SRV.${verb}`);
    expect(answers.map((each) => each.name).sort()).toEqual([...names].sort());
    for (const answer of answers) check(answer);
  });

  test.each(names)('is answered by %s under its name and its id', async (name) => {
    for (const scope of [name, `${name}.copy-1`]) {
      const answers = await ask(`$SRV.${verb}.${scope}`);
      expect(answers).toHaveLength(1);
      check(answers[0] as Answered);
    }
    expect(await ask(`$SRV.${verb}.${name}.copy-2`)).toEqual([]);
  });

  test('is answered by an agent that is asked by its id alone', async () => {
    expect(await ask(`$SRV.${verb}.shoal-agent`)).toEqual([]);
    const answers = await ask(`$SRV.${verb}.shoal-agent.n1`);
    expect(answers).toHaveLength(1);
    check(answers[0] as Answered);
    expect(answers[0]).toMatchObject({ name: 'shoal-agent', id: 'n1' });
  });

  test('is checked by a schema that can fail', async () => {
    const [answer] = await ask(`$SRV.${verb}.${names[0]}`);
    const isValid = valid[verb] as ValidateFunction;
    for (const field of Object.keys(answer as object)) {
      const { [field as keyof Answered]: _gone, ...rest } = answer as Answered;
      expect(isValid(rest), field).toBe(false);
    }
    expect(isValid({ ...answer, name: 'a.b' })).toBe(false);
    expect(isValid({ ...answer, version: '1' })).toBe(false);
  });
});

test('the endpoints are the actor’s routes', async () => {
  for (const actor of actors()) {
    const [info] = await ask(`$SRV.INFO.shoal-${actor.name}`);
    const listed = info?.endpoints?.map((each) => each.subject);
    expect(listed).toEqual(actor.routes.map((route) => route.contract.subject.pattern));
  }
});

test('counts that went up stay whole numbers, and an error is told', async () => {
  const service: Service = {
    name: 'shoal-probe',
    id: 'p',
    version: VERSION,
    description: '',
    metadata: {},
    endpoints: () => [
      {
        ...{ name: 'a-b', subject: 'shoal.a.b', queue: '' },
        ...{ requests: 3, errors: 1, lastError: 'why', processingNs: 10 },
      },
      {
        ...{ name: 'c', subject: 'shoal.c.*', queue: 'probe' },
        ...{ requests: 0, errors: 0, lastError: '', processingNs: 0 },
      },
    ],
    counts: () => ({ steps: 3 }),
  };
  const connection = await fixture.connect(control);
  const close = answerServices(connection, service);
  await connection.flush();
  const [stats] = await ask('$SRV.STATS.shoal-probe');
  close();
  expect(valid['STATS']?.(stats)).toBe(true);
  expect(stats?.endpoints).toMatchObject([
    { average_processing_time: 3, last_error: 'why', num_errors: 1, data: { steps: 3 } },
    { average_processing_time: 0, last_error: '', data: {} },
  ]);
  await connection.flush();
  expect(await ask('$SRV.STATS.shoal-probe')).toEqual([]);
});

test.each(['a.b', 'a b', '', 'a*'])(
  'a name that would spoil the list is refused: %j',
  async (bad) => {
    const connection = await fixture.connect(control);
    const service = {
      ...{ id: 'x', version: VERSION, description: '', metadata: {} },
      endpoints: () => [],
      counts: () => ({}),
    };
    expect(() => answerServices(connection, { ...service, name: bad })).toThrow(
      'not a service name',
    );
    expect(() => answerServices(connection, { ...service, name: 'a', id: bad })).toThrow();
  },
);
