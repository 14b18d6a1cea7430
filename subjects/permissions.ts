/**
 * Makes sure that who may say what is derived from the contracts: for each role the subjects it
 * may publish and subscribe. An agent's are narrowed to its own node, so node N speaks only N's
 * subjects and reads only what lies under `for.N.`.
 *
 * Beside the contracts stands what the protocols need: the JetStream API, acknowledgements,
 * `$SRV`, and an inbox that is the connection's own. Answers need no grant: the server allows a
 * reply to each message that was received (`allow_responses`).
 */
import type { Contract, Role } from './contract.ts';
import { pattern, storeSubject } from './contract.ts';
import { messages, records } from './index.ts';
import { narrow } from './template.ts';

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

/** Everything this identity may publish and subscribe. */
export function permissionsOf(identity: Identity): Permissions {
  const publish = new Set<string>();
  const subscribe = new Set<string>([`${inboxPrefix(identity)}.>`]);
  for (const contract of messages) {
    const subject = narrowed(contract, identity);
    if (contract.from.includes(identity.role)) publish.add(subject);
    if (contract.to.includes(identity.role) && contract.kind !== 'work') subscribe.add(subject);
  }
  for (const contract of records) {
    const subject = storeSubject(contract.bucket, narrowed(contract, identity));
    if (contract.from.includes(identity.role)) publish.add(subject);
    if (!contract.to.includes(identity.role)) continue;
    publish.add(`$JS.API.DIRECT.GET.KV_${contract.bucket}.${subject}`);
  }
  for (const subject of protocol[identity.role](identity.name).publish) publish.add(subject);
  for (const subject of protocol[identity.role](identity.name).subscribe) subscribe.add(subject);
  return { publish: [...publish].sort(), subscribe: [...subscribe].sort() };
}

function narrowed(contract: Contract, identity: Identity): string {
  const isOwn = identity.role === 'agent' && contract.subject.names.includes('node');
  return isOwn ? narrow(contract.subject, { node: identity.name }) : pattern(contract);
}

/** Streams a reader follows by a consumer of its own. */
const followed = ['KV_shoal', 'KV_shoal-observed', 'EVENTS', 'LOGS', 'DECISIONS', 'SNAPSHOTS'];
const answers = [
  '$SRV.PING',
  '$SRV.PING.>',
  '$SRV.INFO',
  '$SRV.INFO.>',
  '$SRV.STATS',
  '$SRV.STATS.>',
];

const reading = followed.flatMap((stream) => [
  `$JS.API.STREAM.INFO.${stream}`,
  `$JS.API.STREAM.MSG.GET.${stream}`,
  `$JS.API.DIRECT.GET.${stream}.>`,
  `$JS.API.DIRECT.GET.${stream}`,
  `$JS.API.CONSUMER.CREATE.${stream}.>`,
  `$JS.API.CONSUMER.DELETE.${stream}.>`,
  `$JS.FC.${stream}.>`,
]);

/** What the protocols need beside the contracts. */
const protocol: Readonly<Record<Role, (name: string) => Permissions>> = {
  control: () => ({ publish: ['$JS.API.>', '$JS.ACK.>', '$JS.FC.>'], subscribe: answers }),
  gateway: () => ({ publish: reading, subscribe: answers }),
  operator: () => ({
    publish: [...reading, '$SRV.>', '$JS.API.INFO', '$JS.API.STREAM.NAMES', '$JS.API.STREAM.LIST'],
    subscribe: ['shoal.>'],
  }),
  // Agents answer only by id: a list of ten thousand of them helps nobody (nats-measured §13).
  agent: (node) => ({
    publish: [],
    subscribe: [
      `shoal.for.${node}.>`,
      ...['PING', 'INFO', 'STATS'].map((verb) => `$SRV.${verb}.shoal-agent.${node}`),
    ],
  }),
};
