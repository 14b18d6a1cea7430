/**
 * Each grant works and its neighbour's does not, on a real server: for every role and contract,
 * what the contract allows is let through and everything else is refused.
 */
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../../actors/runtime/ask.ts';
import {
  address,
  type Contract,
  covers,
  fill,
  ledgerRecord,
  messages,
  nodeBeat,
  nodeJoin,
  observedRecord,
  pattern,
  type Role,
  records,
  roles,
  specRecord,
  storeSubject,
} from '../../subjects/index.ts';
import { type Identity, inboxPrefix, permissionsOf } from '../../subjects/permissions.ts';
import { streamConfigs } from '../../subjects/streams.ts';
import { type NatsFixture, natsFixture } from '../support/nats.ts';
import { eventually } from '../support/ports.ts';
import { type Attempts, refusedOf } from '../support/probe.ts';
import { samples } from '../support/samples.ts';

const identities: readonly Identity[] = [
  { role: 'control', name: 'control' },
  { role: 'gateway', name: 'gateway' },
  { role: 'operator', name: 'operator' },
  { role: 'agent', name: 'n1' },
  { role: 'agent', name: 'n2' },
];
const all: readonly Contract[] = [...messages, ...records];
const streams = streamConfigs({ replicas: 1 }).map((config) => config.name);

let fixture: NatsFixture;
const connections = new Map<string, NatsConnection>();
const connectionOf = (identity: Identity): NatsConnection =>
  connections.get(`${identity.role} ${identity.name}`) as NatsConnection;

beforeAll(async () => {
  fixture = await natsFixture(identities);
  for (const identity of identities) {
    const connection = await fixture.connect(identity);
    connections.set(`${identity.role} ${identity.name}`, connection);
  }
});
afterAll(async () => fixture?.[Symbol.asyncDispose]());

/** One thing an identity tries, and whether the contracts allow it. */
interface Case {
  readonly what: string;
  readonly kind: keyof Attempts;
  readonly subject: string;
  readonly isAllowed: boolean;
}

const hasNode = (contract: Contract): boolean => contract.subject.names.includes('node');

/** A contract's subject (of a record: on the bus) as it is about a node. */
function subjectFor(contract: Contract, node: string): string {
  const sample = samples.find((each) => each.contract === contract);
  const subject = address(contract, { ...sample?.tokens, ...(hasNode(contract) ? { node } : {}) });
  return contract.kind === 'record' ? storeSubject(contract.bucket, subject) : subject;
}

/** Whether a role is among those a contract names, for a node of its own or another. */
function isGranted(contract: Contract, to: readonly Role[], identity: Identity, node: string) {
  const isOwn = identity.role !== 'agent' || !hasNode(contract) || node === identity.name;
  return to.includes(identity.role) && isOwn;
}

function casesOf(identity: Identity, contract: Contract): readonly Case[] {
  return ['n1', 'n2'].flatMap((node): Case[] => {
    const subject = subjectFor(contract, node);
    const says = isGranted(contract, contract.from, identity, node);
    const hears = isGranted(contract, contract.to, identity, node);
    const published = { what: `says ${contract.name}`, kind: 'publish', subject } as const;
    if (contract.kind === 'record') {
      const direct = `$JS.API.DIRECT.GET.KV_${contract.bucket}.${subject}`;
      const look = { what: `reads ${contract.name}`, kind: 'publish', subject: direct } as const;
      const raw = { what: `hears writes of ${contract.name}`, kind: 'subscribe', subject } as const;
      return [
        { ...published, isAllowed: says },
        { ...look, isAllowed: hears },
        { ...raw, isAllowed: false },
      ];
    }
    // Work is pulled, never subscribed; an operator hears whatever is said under `shoal.`.
    const isAllowed = identity.role === 'operator' || (hears && contract.kind !== 'work');
    const heard = { what: `hears ${contract.name}`, kind: 'subscribe', subject } as const;
    const waits = contract.kind === 'work' ? contract.waits : undefined;
    const tokens = samples.find((each) => each.contract === contract)?.tokens ?? {};
    return [
      { ...published, isAllowed: says },
      ...(waits ? [{ ...published, subject: fill(waits, tokens), isAllowed: says }] : []),
      { ...heard, isAllowed },
    ];
  });
}

async function check(identity: Identity, cases: readonly Case[]): Promise<void> {
  const of = (kind: Case['kind']): string[] =>
    cases.filter((each) => each.kind === kind).map((each) => each.subject);
  const refused = await refusedOf(connectionOf(identity), {
    publish: of('publish'),
    subscribe: of('subscribe'),
  });
  const found = cases.map(
    (each) =>
      `${each.what}: ${each.subject} ${refused[each.kind].has(each.subject) ? 'no' : 'yes'}`,
  );
  const wanted = cases.map(
    (each) => `${each.what}: ${each.subject} ${each.isAllowed ? 'yes' : 'no'}`,
  );
  expect(found).toEqual(wanted);
}

describe.each(identities.map((each) => [`${each.role} ${each.name}`, each] as const))(
  '%s',
  (_, identity) => {
    test.each(all.map((contract) => [contract.name, contract] as const))(
      'is let do with %s what the contract says, and no more',
      async (_name, contract) => check(identity, casesOf(identity, contract)),
    );

    test('has an inbox of its own and no other', async () => {
      const own = inboxPrefix(identity);
      const others = identities.filter((each) => each !== identity).map(inboxPrefix);
      const inboxes = [
        ...others.map((each) => `${each}.>`),
        '_INBOX.>',
        '_INBOX.*.*.>',
        '_INBOX.x',
      ];
      await check(identity, [
        { what: 'own inbox', kind: 'subscribe', subject: `${own}.>`, isAllowed: true },
        { what: 'own answer', kind: 'subscribe', subject: `${own}.a.b`, isAllowed: true },
        ...inboxes.map((subject): Case => {
          return { what: 'other inbox', kind: 'subscribe', subject, isAllowed: false };
        }),
        // Answers are let out because something was received, never by themselves.
        { what: 'forged answer', kind: 'publish', subject: `${others[0]}.a.b`, isAllowed: false },
      ]);
    });

    test('cannot hear everything, nor what the system says', async () => {
      const subjects = ['>', '$KV.>', '$KV.shoal.>', '$JS.>', '$JS.API.>', '$SYS.>', 'other.>'];
      await check(
        identity,
        subjects.map((subject) => ({
          what: 'hears',
          kind: 'subscribe',
          subject,
          isAllowed: false,
        })),
      );
    });

    test('cannot delete what is stored, nor stop the server from keeping it', async () => {
      const verbs = ['STREAM.DELETE', 'STREAM.MSG.DELETE'];
      const more = ['STREAM.LEADER.STEPDOWN', 'STREAM.PEER.REMOVE', 'CONSUMER.PAUSE'];
      const subjects = [...verbs, ...more].flatMap((verb) =>
        streams.map(
          (stream) => `$JS.API.${verb}.${stream}${verb === 'CONSUMER.PAUSE' ? '.x' : ''}`,
        ),
      );
      subjects.push('$JS.API.ACCOUNT.PURGE.SHOAL', '$JS.API.SERVER.REMOVE', '$SYS.REQ.SERVER.PING');
      subjects.push('$JS.API.STREAM.CREATE.OTHER', '$JS.API.CONSUMER.CREATE.OTHER.x');
      await check(
        identity,
        subjects.map((subject) => ({ what: 'asks', kind: 'publish', subject, isAllowed: false })),
      );
    });

    test('only control removes what is over, and nothing from work queue and snapshots', async () => {
      const cleared = ['EVENTS', 'DECISIONS', 'LOGS', 'SCHEDULE', 'KV_shoal', 'KV_shoal-observed'];
      await check(
        identity,
        streams.map((stream) => ({
          ...{ what: 'removes', kind: 'publish', subject: `$JS.API.STREAM.PURGE.${stream}` },
          isAllowed: identity.role === 'control' && cleared.includes(stream),
        })),
      );
    });

    test('only an operator and control take copies of streams, and only control puts them back', async () => {
      const cases = streams.flatMap((stream): Case[] => {
        const asks = (subject: string, ...roles: Role[]): Case => {
          const isAllowed = roles.includes(identity.role);
          return { what: 'asks', kind: 'publish', subject, isAllowed };
        };
        return [
          asks(`$JS.API.STREAM.SNAPSHOT.${stream}`, 'operator', 'control'),
          asks(`$JS.SNAPSHOT.ACK.${stream}.x`, 'operator', 'control'),
          asks(`$JS.API.STREAM.RESTORE.${stream}`, 'control'),
          asks(`$JS.SNAPSHOT.RESTORE.${stream}.x`, 'control'),
        ];
      });
      cases.push({
        ...{ what: 'puts back', kind: 'publish', subject: 'shoal.restore.shoal-observed.x' },
        isAllowed: identity.role === 'control',
      });
      await check(identity, cases);
    });

    test('only control changes streams', async () => {
      const isAllowed = identity.role === 'control';
      const subjects = streams.flatMap((stream) => [
        `$JS.API.STREAM.CREATE.${stream}`,
        `$JS.API.STREAM.UPDATE.${stream}`,
      ]);
      await check(
        identity,
        subjects.map((subject) => ({ what: 'asks', kind: 'publish', subject, isAllowed })),
      );
    });

    test('asks servers how they are, unless it is an agent, and nothing else of them', async () => {
      const isAllowed = identity.role !== 'agent';
      const asks = (verb: string, isAllowed: boolean): Case => {
        return { what: 'asks', kind: 'publish', subject: `$SYS.REQ.SERVER.${verb}`, isAllowed };
      };
      await check(identity, [
        ...['PING.JSZ', 'PING.HEALTHZ'].map((verb) => asks(verb, isAllowed)),
        ...['PING.VARZ', 'PING.CONNZ', 'PING', 'A.KICK', 'A.RELOAD'].map((verb) =>
          asks(verb, false),
        ),
      ]);
    });

    test('only who reads a stream has consumers on it, and only control on the work queue', async () => {
      const cases = streams.map((stream): Case => {
        const read = all.filter((contract) =>
          contract.kind === 'record'
            ? `KV_${contract.bucket}` === stream
            : contract.kind === 'event' && contract.stream === stream,
        );
        const isReader =
          identity.role !== 'agent' && read.some((each) => each.to.includes(identity.role));
        const subject = `$JS.API.CONSUMER.CREATE.${stream}.x`;
        const isAllowed = isReader || identity.role === 'control';
        return { what: 'asks', kind: 'publish', subject, isAllowed };
      });
      await check(identity, cases);
    });
  },
);

describe('an agent', () => {
  const agent = identities[3] as Identity;

  test('hears what is republished for it, and nothing of its neighbour', async () => {
    const hears = (subject: string, isAllowed: boolean): Case => {
      return { what: 'hears', kind: 'subscribe', subject, isAllowed };
    };
    await check(agent, [
      hears('shoal.for.n1.>', true),
      hears('shoal.for.n1.ledger', true),
      hears('shoal.for.n2.>', false),
      hears('shoal.for.*.ledger', false),
      hears('shoal.for.>', false),
      hears('shoal.>', false),
      hears('shoal.node.n2.prompt', false),
      hears('shoal.node.*.prompt', false),
    ]);
  });

  test('answers for itself when the system is looked at, and not for all', async () => {
    const hears = (subject: string, isAllowed: boolean): Case => {
      return { what: 'hears', kind: 'subscribe', subject, isAllowed };
    };
    await check(agent, [
      hears('$SRV.PING.shoal-agent.n1', true),
      hears('$SRV.STATS.shoal-agent.n1', true),
      hears('$SRV.PING.shoal-agent.n2', false),
      hears('$SRV.PING.shoal-agent', false),
      hears('$SRV.PING', false),
      hears('$SRV.PING.shoal-workload', false),
    ]);
  });

  test('has no consumer, no list and no look by sequence, which would show others’ keys', async () => {
    const subjects = streams.flatMap((stream) => [
      `$JS.API.CONSUMER.CREATE.${stream}`,
      `$JS.API.CONSUMER.CREATE.${stream}.x`,
      `$JS.API.CONSUMER.CREATE.${stream}.x.$KV.shoal.for.n1.>`,
      `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.x`,
      `$JS.API.CONSUMER.MSG.NEXT.${stream}.x`,
      `$JS.API.CONSUMER.DELETE.${stream}.x`,
      `$JS.API.STREAM.INFO.${stream}`,
      `$JS.API.STREAM.MSG.GET.${stream}`,
      `$JS.API.DIRECT.GET.${stream}`,
    ]);
    subjects.push('$JS.API.STREAM.NAMES', '$JS.API.STREAM.LIST', '$JS.API.INFO');
    subjects.push('$JS.API.DIRECT.GET.KV_shoal.$KV.shoal.for.*.ledger');
    subjects.push('$JS.API.DIRECT.GET.KV_shoal.$KV.shoal.workload.default.hello');
    await check(
      agent,
      subjects.map((subject) => ({ what: 'asks', kind: 'publish', subject, isAllowed: false })),
    );
  });

  test('says nothing without its node in the subject, except what instances print', () => {
    const { publish } = permissionsOf(agent);
    const free = publish.filter((subject) => !subject.split('.').includes('n1'));
    expect(free).toEqual(['shoal.log.*.*.*', 'shoal.log.*.*.*.*']);
  });

  test('gets its ledger and spec, asks to join, and writes what it sees', async () => {
    const control = connectionOf(identities[0] as Identity);
    const ports = await fixture.ports(agent);
    for (const record of [ledgerRecord, specRecord]) {
      const subject = subjectFor(record, 'n1');
      await control.request(subject, 'a value');
      const key = subject.slice(storeSubject(record.bucket, '').length);
      const stored = await new Promise((resolve) => ports.store.read('shoal', key, resolve));
      expect(stored).toMatchObject({ key, body: Buffer.from('a value') });
    }
    const key = address(observedRecord, { node: 'n1', tenant: 'default', instance: 'a' });
    const write = { bucket: 'shoal-observed', key, expected: 'any', headers: {} } as const;
    const results = await new Promise((resolve) =>
      ports.store.write([{ ...write, body: new TextEncoder().encode('seen') }], resolve),
    );
    expect(results).toMatchObject([{ kind: 'stored' }]);

    const joins = control.subscribe(pattern(nodeJoin), {
      callback: (_error, message) => {
        message.respond('{"ok":true,"value":{"incarnation":1,"beatMs":1000}}');
      },
    });
    await control.flush();
    const facts = samples.find((each) => each.contract === nodeJoin)?.value as never;
    const { answer } = await ask(ports, nodeJoin, { node: 'n1' }, facts);
    joins.unsubscribe();
    expect(answer).toEqual({ ok: true, value: { incarnation: 1, beatMs: 1000 } });
  });

  test('cannot make others believe that its neighbour beats', async () => {
    const control = connectionOf(identities[0] as Identity);
    const heard: string[] = [];
    control.subscribe(pattern(nodeBeat), {
      callback: (_error, { subject }) => void heard.push(subject),
    });
    await control.flush();
    const connection = connectionOf(agent);
    connection.publish(address(nodeBeat, { node: 'n2' }), 'x');
    connection.publish(address(nodeBeat, { node: 'n1' }), 'x');
    await eventually(() => heard.length > 0, 2_000, 'the own beat');
    expect(heard).toEqual(['shoal.node.n1.beat']);
  });
});

describe('an operator', () => {
  test('hears asks but cannot answer them in place of who is asked', async () => {
    const [control, , operator] = identities.map(connectionOf) as [
      NatsConnection,
      NatsConnection,
      NatsConnection,
    ];
    let heard = 0;
    const spying = operator.subscribe('shoal.>', {
      callback: (_error, message) => {
        heard++;
        message.respond('forged');
      },
    });
    await operator.flush();
    const agent = connectionOf(identities[3] as Identity);
    const answering = control.subscribe(pattern(nodeJoin), {
      callback: (_error, message) => void setTimeout(() => message.respond('true one'), 50),
    });
    await control.flush();
    const answer = await agent.request(address(nodeJoin, { node: 'n1' }), 'x', { timeout: 2_000 });
    for (const each of [spying, answering]) each.unsubscribe();
    expect(heard).toBe(1);
    expect(answer.string()).toBe('true one');
  });
});

describe('the permissions', () => {
  test('are tried for every role', () => {
    expect(new Set(identities.map((each) => each.role))).toEqual(new Set(roles));
  });

  test('hold nothing twice: no grant is covered by another one', () => {
    for (const identity of identities) {
      const { publish, subscribe } = permissionsOf(identity);
      for (const subjects of [publish, subscribe]) {
        const doubles = subjects.filter((subject) =>
          subjects.some((other) => other !== subject && covers(other, subject)),
        );
        expect(doubles, identity.role).toEqual([]);
      }
    }
  });
});
