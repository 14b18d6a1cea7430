/**
 * `asyncapi.json`: the bus as an AsyncAPI 3 document. The application it describes is the whole
 * fabric: each contract has the operation of those who say it (`send`) and of those who hear it
 * (`receive`), tagged with their roles.
 */
import { VERSION } from '../../actors/runtime/version.ts';
import {
  type Contract,
  contentType,
  messages,
  type RequestContract,
  records,
  refusalSchema,
  storeSubject,
} from '../../subjects/index.ts';
import { type JsonSchema, payloadSchema, replySchema, schemaOf } from './schema.ts';

/** What stands in each token. */
const tokens: Readonly<Record<string, string>> = {
  node: 'Id of a node.',
  tenant: 'Who owns it; `shoal` for what the fabric says of itself.',
  workload: 'Name of a workload, unique in its tenant.',
  instance: 'Id of an instance, unique in its tenant.',
  sidecar: 'Name of one of its sidecars, as its spec has it.',
  generation: 'Generation of the workload.',
  priority: 'Lane of the queue.',
  actor: 'Name of an actor.',
  holder: 'Copy of an actor that acts.',
  shard: 'Part of what an actor looks after; 0 is all of it.',
  pool: 'Name of a pool.',
  schedule: 'Name of a schedule, unique in its tenant.',
  place: 'A place in a line, named by the caller who stands there.',
  slot: 'Name of a slot: its pool and ten characters. Also the id of its claim.',
  session: 'Id of a session, as its opener made it.',
  letter: 'Id of a dead letter, unique in its actor.',
  quota: 'Name of a quota, unique in its tenant.',
  caller: 'Who takes: an address, written with dashes.',
  noun: 'What it happened to.',
  id: 'Its name or id.',
  verb: 'What happened, as a past participle.',
  host: 'A host name; it may take several tokens, one per label.',
};

/** The whole document. */
export function asyncApiDocument(): JsonSchema {
  const all: readonly Contract[] = [...messages, ...records];
  const requests = messages.filter((contract) => contract.kind === 'request');
  return {
    asyncapi: '3.0.0',
    id: 'urn:shoal:bus',
    info: {
      title: 'Shoal',
      version: VERSION,
      description:
        "Every subject and every key of Shoal's bus. Generated from `subjects/` by `npm run generate`; do not edit. Asks are described as their reader accepts them, facts, answers and records as their reader finds them; readers ignore keys they do not know.",
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: contentType.json,
    servers: {
      local: {
        host: '127.0.0.1:4222',
        protocol: 'nats',
        description: 'Where `make up` starts the bus.',
      },
    },
    channels: {
      ...Object.fromEntries(all.map((contract) => [contract.name, channelOf(contract)])),
      answers: {
        address: null,
        title: 'Answers',
        description: 'The subject an ask names in its reply field, in the inbox of the asker.',
        messages: Object.fromEntries(
          requests.map((contract) => [
            answerName(contract),
            pointer('messages', answerName(contract)),
          ]),
        ),
      },
    },
    operations: Object.fromEntries(all.flatMap(operationsOf)),
    components: {
      messages: Object.fromEntries([
        ...all.map((contract) => [contract.name, messageOf(contract)]),
        ...requests.map((contract) => [answerName(contract), answerOf(contract)]),
      ]),
      schemas: Object.fromEntries([
        ...all.map((contract) => [contract.name, payloadSchema(contract)]),
        ...requests.map((contract) => [answerName(contract), replySchema(contract)]),
        ['refusal', schemaOf(refusalSchema, 'output')],
        ['headers', headers],
        ['record-headers', recordHeaders],
      ]),
    },
  };
}

const text = (description: string): JsonSchema => ({ type: 'string', description });

const headers = {
  type: 'object',
  properties: {
    'Content-Type': text('How the body is encoded.'),
    'Nats-Msg-Id': text('Id of the message: the same id again is the same message.'),
    traceparent: text('W3C trace context.'),
    'Shoal-Revision': text('On an answer: newest revision of the store it rests on.'),
  },
};

const recordHeaders = {
  type: 'object',
  properties: {
    'Content-Type': text('How the value is encoded.'),
    'Shoal-Writer': text('Id of the message that made this value.'),
    'KV-Operation': text('`DEL` or `PURGE`: the key is deleted, the value empty.'),
  },
};

function pointer(kind: 'messages' | 'schemas', name: string): JsonSchema {
  return { $ref: `#/components/${kind}/${name}` };
}

function answerName(contract: Contract): string {
  return `${contract.name}.answer`;
}

function addressOf(contract: Contract): string {
  const subject = contract.subject.text.replaceAll('>}', '}');
  return contract.kind === 'record' ? storeSubject(contract.bucket, subject) : subject;
}

function channelOf(contract: Contract): JsonSchema {
  const { names } = contract.subject;
  const parameters = names.map((name) => [name, parameterOf(contract, name)]);
  return {
    address: addressOf(contract),
    title: contract.name,
    description: contract.summary,
    messages: { [contract.name]: pointer('messages', contract.name) },
    ...(names.length > 0 ? { parameters: Object.fromEntries(parameters) } : {}),
    'x-shoal': traits(contract),
  };
}

function parameterOf(contract: Contract, name: string): JsonSchema {
  const description = tokens[name];
  if (!description) throw new Error(`${contract.name}: say what {${name}} is, in asyncapi.ts`);
  const isLane = contract.kind === 'work' && contract.lanes?.token === name;
  return isLane ? { description, enum: contract.lanes?.values } : { description };
}

/** What AsyncAPI has no word for. */
function traits(contract: Contract): JsonSchema {
  const { kind, bytesMax, from, to } = contract;
  const common = { kind, bytesMax, from, to };
  switch (contract.kind) {
    case 'event':
      return contract.stream ? { ...common, stream: contract.stream } : common;
    case 'work':
      return { ...common, stream: contract.stream, ackWaitMs: contract.ackWaitMs };
    case 'request':
      return { ...common, timeoutMs: contract.timeoutMs };
    case 'record':
      return { ...common, bucket: contract.bucket, groups: Object.keys(contract.indexes) };
  }
}

function messageOf(contract: Contract): JsonSchema {
  const isRecord = contract.kind === 'record';
  return {
    name: contract.name,
    summary: contract.summary,
    contentType: contentType[contract.codec],
    headers: pointer('schemas', isRecord ? 'record-headers' : 'headers'),
    payload: pointer('schemas', contract.name),
  };
}

function answerOf(contract: RequestContract): JsonSchema {
  const said = (ok: boolean, part: string, schema: string): JsonSchema => ({
    type: 'object',
    properties: { ok: { const: ok }, [part]: pointer('schemas', schema) },
    required: ['ok', part],
  });
  return {
    name: answerName(contract),
    summary: `The answer to ${contract.name}: its value, or a refusal.`,
    contentType: contentType[contract.codec],
    headers: pointer('schemas', 'headers'),
    payload: {
      oneOf: [said(true, 'value', answerName(contract)), said(false, 'refusal', 'refusal')],
    },
  };
}

/** Who says it and who hears it; nobody connected says what comes from nats-server itself. */
function operationsOf(contract: Contract): (readonly [string, JsonSchema])[] {
  const verbs = {
    event: ['publish', 'hear'],
    request: ['ask', 'answer'],
    work: ['queue', 'do'],
    record: ['write', 'read'],
  } as const;
  const [say, hear] = verbs[contract.kind];
  const channel = `#/channels/${contract.name}`;
  const common = {
    channel: { $ref: channel },
    messages: [{ $ref: `${channel}/messages/${contract.name}` }],
    ...(contract.kind === 'request' ? { reply: replyOf(contract) } : {}),
  };
  const operation = (action: string, by: Contract['from']): JsonSchema => ({
    action,
    summary: contract.summary,
    tags: by.map((name) => ({ name })),
    ...common,
  });
  const heard = [`${hear}.${contract.name}`, operation('receive', contract.to)] as const;
  if (contract.from.length === 0) return [heard];
  return [[`${say}.${contract.name}`, operation('send', contract.from)], heard];
}

function replyOf(contract: RequestContract): JsonSchema {
  return {
    channel: { $ref: '#/channels/answers' },
    messages: [{ $ref: `#/channels/answers/messages/${answerName(contract)}` }],
  };
}
