/**
 * Makes sure that who may say what is derived from the contracts: for each role the subjects it
 * may publish and subscribe. An agent's are narrowed to its own node, so node N speaks only N's
 * subjects and reads only what lies under `for.N.`.
 *
 * Beside the contracts stands what the protocols need: the JetStream API, acknowledgements,
 * `$SRV`, and an inbox that is the connection's own. Answers need no grant: the server allows those
 * who answer a few replies to each message they received (`allow_responses`).
 */
import type { Contract, Role } from './contract.ts';
import { pattern, storeSubject } from './contract.ts';
import { messages, records } from './index.ts';
import { streamConfigs } from './streams.ts';
import { covers, narrow } from './template.ts';

export interface Permissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** Whom the permissions are for. An agent's name is its node. */
export type Identity =
  | { readonly role: Exclude<Role, 'agent'>; readonly name: string }
  | { readonly role: 'agent'; readonly name: string };

/** Prefix of a connection's inbox: private, because it carries the connection's own name. */
export function inboxPrefix(identity: Identity): string {
  return `_INBOX.${identity.role}.${identity.name}`;
}

/** Whether it may reply to what it hears. An operator hears asks that others are to answer. */
export function mayAnswer(identity: Identity): boolean {
  return identity.role !== 'operator';
}

/** Everything this identity may publish and subscribe. */
export function permissionsOf(identity: Identity): Permissions {
  const { role, name } = identity;
  const publish = new Set<string>(protocol[role](name).publish);
  const subscribe = new Set<string>(protocol[role](name).subscribe);
  subscribe.add(`${inboxPrefix(identity)}.>`);
  for (const contract of messages) {
    const subject = narrowed(contract, identity);
    if (contract.from.includes(role)) {
      publish.add(subject);
      if (contract.kind === 'work' && contract.waits) publish.add(contract.waits.pattern);
    }
    if (!contract.to.includes(role) || contract.kind === 'work') continue;
    subscribe.add(subject);
    if (contract.kind === 'event' && contract.stream) {
      add(publish, readingOf(role, contract.stream, subject));
    }
  }
  for (const contract of records) {
    const subject = storeSubject(contract.bucket, narrowed(contract, identity));
    if (contract.from.includes(role)) publish.add(subject);
    if (contract.to.includes(role)) {
      add(publish, readingOf(role, `KV_${contract.bucket}`, subject));
    }
  }
  return { publish: tidied(publish), subscribe: tidied(subscribe) };
}

/** Sorted, without those that a wider one covers. */
function tidied(subjects: ReadonlySet<string>): readonly string[] {
  const all = [...subjects];
  return all.filter((one) => !all.some((other) => other !== one && covers(other, one))).sort();
}

function narrowed(contract: Contract, identity: Identity): string {
  const isOwn = identity.role === 'agent' && contract.subject.names.includes('node');
  return isOwn ? narrow(contract.subject, { node: identity.name }) : pattern(contract);
}

/**
 * What reading a stream takes. A reader follows it with a consumer of its own, which may see all
 * of the stream: the server cannot narrow one that has several filters. It asks the leader, too, as
 * the copy it reads from may be behind. Agents get no consumer, only single looks.
 */
function readingOf(role: Role, stream: string, subject: string): readonly string[] {
  const looking = `$JS.API.DIRECT.GET.${stream}.${subject}`;
  if (role === 'agent') return [looking];
  return [
    looking,
    `$JS.API.STREAM.INFO.${stream}`,
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.API.CONSUMER.CREATE.${stream}.>`,
    `$JS.API.CONSUMER.DELETE.${stream}.>`,
    `$JS.FC.${stream}.>`,
  ];
}

function add(to: Set<string>, subjects: readonly string[]): void {
  for (const subject of subjects) to.add(subject);
}

const answers = [
  '$SRV.PING',
  '$SRV.PING.>',
  '$SRV.INFO',
  '$SRV.INFO.>',
  '$SRV.STATS',
  '$SRV.STATS.>',
];

/** Which control planes there are, with their versions. */
const programs = ['$SRV.STATS.shoal-membership'];

const streams = streamConfigs({ replicas: 1 }).map((config) => config.name);

/** What JetStream's servers say of themselves: their settings, and whether they are well. */
export const SERVER_ASKS = {
  settings: '$SYS.REQ.SERVER.PING.JSZ',
  health: '$SYS.REQ.SERVER.PING.HEALTHZ',
  ids: '$SYS.REQ.SERVER.PING.IDZ',
} as const;
const serverAsks = Object.values(SERVER_ASKS);

/**
 * Where the control plane removes what is over (actors/retention), and takes back alarms, which are
 * derived from records (actors/schedule). The server knows no purge of only some subjects, so this
 * is the right to remove anything in them.
 */
const cleared = ['EVENTS', 'DECISIONS', 'LOGS', 'SCHEDULE', 'KV_shoal', 'KV_shoal-observed'];

/**
 * Setting up streams, copying them elsewhere, working on queues, and removing what is over. Nothing
 * deletes a stream.
 */
const keeping = [
  '$JS.API.INFO',
  ...serverAsks,
  ...streams.flatMap((stream) => [
    `$JS.API.STREAM.INFO.${stream}`,
    `$JS.API.STREAM.CREATE.${stream}`,
    `$JS.API.STREAM.UPDATE.${stream}`,
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.API.STREAM.SNAPSHOT.${stream}`,
    `$JS.API.STREAM.RESTORE.${stream}`,
    `$JS.API.CONSUMER.CREATE.${stream}.>`,
    `$JS.API.CONSUMER.INFO.${stream}.>`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.>`,
    `$JS.API.CONSUMER.DELETE.${stream}.>`,
    `$JS.FC.${stream}.>`,
  ]),
  ...cleared.map((stream) => `$JS.API.STREAM.PURGE.${stream}`),
  '$JS.ACK.>',
  '$JS.SNAPSHOT.>',
];

/**
 * Through subjects that begin like this a bucket takes what a backup holds, `<bucket>.<key>`, while it
 * is restored; at any other time nothing listens there.
 */
export const RESTORE_PREFIX = 'shoal.restore.';

/** Finding out, before a backup is put back, that nobody else is there; and putting it back. */
const restoring = ['$SRV.PING', '$SRV.PING.shoal-agent.*', `${RESTORE_PREFIX}>`];

/** What a person looks at with the `nats` command. */
const looking = [
  '$SRV.>',
  ...serverAsks,
  '$JS.API.INFO',
  '$JS.API.STREAM.NAMES',
  '$JS.API.STREAM.LIST',
  ...streams.flatMap((stream) => [
    `$JS.API.STREAM.INFO.${stream}`,
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.API.DIRECT.GET.${stream}`,
    `$JS.API.CONSUMER.NAMES.${stream}`,
    `$JS.API.CONSUMER.LIST.${stream}`,
    `$JS.API.CONSUMER.INFO.${stream}.>`,
    // A backup reads, and confirms what it has read.
    `$JS.API.STREAM.SNAPSHOT.${stream}`,
    `$JS.SNAPSHOT.ACK.${stream}.*`,
  ]),
];

/** What the protocols need beside the contracts. */
const protocol: Readonly<Record<Role, (name: string) => Permissions>> = {
  control: () => ({ publish: [...keeping, ...programs, ...restoring], subscribe: answers }),
  gateway: () => ({ publish: [...serverAsks, ...programs], subscribe: answers }),
  // An operator hears everything, to see what goes on; see `mayAnswer`.
  operator: () => ({ publish: looking, subscribe: ['shoal.>'] }),
  // Agents answer only by id: a list of ten thousand of them helps nobody (nats-measured §13).
  agent: (node) => ({
    publish: [],
    subscribe: [
      `shoal.for.${node}.>`,
      ...['PING', 'INFO', 'STATS'].map((verb) => `$SRV.${verb}.shoal-agent.${node}`),
    ],
  }),
};
