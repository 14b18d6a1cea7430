/** `subjects.md`: every message, record and stream, and what each role may say and hear. */
import {
  type Contract,
  type MessageContract,
  messages,
  type RecordContract,
  records,
  roles,
  type WorkContract,
} from '../../subjects/index.ts';
import { type StreamConfig, streamConfigs } from '../../subjects/streams.ts';
import { permissionsByRole } from './permissions.ts';
import { code, size, table } from './table.ts';

/** The whole document. */
export function subjectsDocument(): string {
  const sections = [
    '# Subjects',
    'Generated from `subjects/` by `npm run generate`; do not edit.',
    '`{name}` is one token of a subject, `{name>}` one or more. The same in machine-readable form: [asyncapi.json](asyncapi.json).',
    `## Messages (${messages.length})`,
    table(
      ['message', 'subject', 'kind', 'codec', 'at most', 'lasts', 'from', 'to', 'what it says'],
      messages.map(messageRow),
    ),
    `## Records (${records.length})`,
    "Values of the store. The subject of a key is `$KV.<bucket>.<key>`; a delete leaves a marker. What lies under `for.<node>.` is republished as `shoal.for.<node>.…`, with the record's revision in `Nats-Sequence`.",
    table(
      ['record', 'bucket', 'key', 'codec', 'at most', 'groups', 'written by', 'read by', 'holds'],
      records.map(recordRow),
    ),
    '## Streams',
    table(
      ['stream', 'subjects', 'retention', 'when full', 'age', 'per subject', 'bytes', 'doubles'],
      streamConfigs({ replicas: 1 }).map(streamRow),
    ),
    '`doubles`: how long a second message with the same `Nats-Msg-Id` is recognised and left out.',
    '## Roles',
    'What nats-server lets each connection do. Beside the contracts stands what the protocols need: the JetStream API, `$SRV`, and an inbox of its own. A receiver may answer each message once.',
    ...roleSections(),
  ];
  return `${sections.join('\n\n')}\n`;
}

function messageRow(contract: MessageContract): string[] {
  return [
    contract.name,
    code(contract.subject.text),
    contract.kind,
    contract.codec,
    size(contract.bytesMax),
    lasts(contract),
    people(contract.from),
    people(contract.to),
    contract.summary,
  ];
}

function lasts(contract: MessageContract): string {
  switch (contract.kind) {
    case 'event':
      return contract.stream ?? 'not stored';
    case 'work':
      return `${contract.stream}, ${waitsOrLanes(contract)}, ${contract.ackWaitMs} ms to do it`;
    case 'request':
      return `answer in ${contract.timeoutMs} ms`;
  }
}

function waitsOrLanes({ waits, lanes }: WorkContract): string {
  if (waits) return `waits under ${code(waits.text)}`;
  return lanes ? `a lane per ${lanes.token}` : 'one lane';
}

function recordRow(contract: RecordContract): string[] {
  return [
    contract.name,
    code(contract.bucket),
    code(contract.subject.text),
    contract.codec,
    size(contract.bytesMax),
    Object.keys(contract.indexes).join(', ') || '–',
    people(contract.from),
    people(contract.to),
    contract.summary,
  ];
}

function people(names: Contract['from']): string {
  return names.join(', ') || 'nats-server';
}

function streamRow(config: StreamConfig): string[] {
  const number = (name: string): number => Number(config[name] ?? 0);
  const age = number('max_age');
  const each = number('max_msgs_per_subject');
  return [
    config.name,
    config.subjects.map(code).join(', '),
    String(config['retention']),
    config['discard'] === 'new' ? 'refuses' : 'drops the oldest',
    age > 0 ? span(age) : 'for ever',
    each > 0 ? each.toLocaleString('en') : 'any number',
    size(number('max_bytes')),
    span(number('duplicate_window')),
  ];
}

/** Nanoseconds as people read them. */
function span(ns: number): string {
  const seconds = ns / 1e9;
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

function roleSections(): string[] {
  const permissions = permissionsByRole();
  return roles.flatMap((role) => {
    const lines = (subjects: readonly string[]): string =>
      subjects.map((subject) => `- ${code(subject)}`).join('\n');
    const { publish, subscribe } = permissions[role];
    return [`### ${role}`, `Publishes:\n\n${lines(publish)}`, `Subscribes:\n\n${lines(subscribe)}`];
  });
}
