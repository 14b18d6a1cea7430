/** What lies behind a gateway in unit tests: records put there by hand, streams kept in memory. */
import { silentLog } from '../../../actors/runtime/log.ts';
import { systemClock } from '../../../actors/runtime/nats/system-clock.ts';
import type { Tailed } from '../../../actors/runtime/nats/tail.ts';
import type { Store } from '../../../actors/runtime/ports.ts';
import { Views } from '../../../actors/runtime/views.ts';
import type { AskActor } from '../../../gateway/ask-actor.ts';
import { fabricCounts } from '../../../gateway/counts.ts';
import { EventFeed } from '../../../gateway/events/feed.ts';
import { SseStreams } from '../../../gateway/http/sse.ts';
import { Calls } from '../../../gateway/ingress/calls.ts';
import { IngressTable } from '../../../gateway/ingress/table.ts';
import type { Inside } from '../../../gateway/inside.ts';
import { Known } from '../../../gateway/known.ts';
import { Turns } from '../../../gateway/line/turns.ts';
import { gatewayMeters } from '../../../gateway/metrics.ts';
import type { Sessions } from '../../../gateway/sessions/sessions.ts';
import type { Streams, What } from '../../../gateway/streams/streams.ts';
import { UsageTable } from '../../../gateway/usage.ts';
import {
  type Answer,
  address,
  type Contract,
  covers,
  type Instance,
  instanceRecord,
  type Ledger,
  ledgerRecord,
  type Node,
  nodeRecord,
  type Observed,
  observedRecord,
  type PayloadOf,
  type RecordContract,
  type Route,
  refusal,
  routeRecord,
  type TokensOf,
  type Wanted,
  type Workload,
  workloadRecord,
} from '../../../subjects/index.ts';
import { service } from '../../support/specs.ts';

const noStore = { follow: () => () => undefined } as unknown as Store;

/** A gateway's knowledge, written by hand. */
export class Hand {
  readonly known: Known;
  readonly #views = new Views(noStore, systemClock, silentLog);
  #revision = 0;

  constructor() {
    this.known = new Known(this.#views);
  }

  put<C extends RecordContract>(record: C, tokens: TokensOf<C>, value: PayloadOf<C> | null): void {
    const meta = { revision: ++this.#revision, writer: 'test' };
    this.#views.stored(record, address(record as Contract, tokens as never), value, meta);
  }

  workload(value: Workload): void {
    this.put(workloadRecord, { tenant: value.tenant, workload: value.name }, value);
  }

  instance(value: Instance): void {
    this.put(instanceRecord, { tenant: value.tenant, instance: value.instance }, value);
  }

  observed(value: Observed): void {
    const { node, tenant, instance } = value;
    this.put(observedRecord, { node, tenant, instance }, value);
  }

  node(value: Node): void {
    this.put(nodeRecord, { node: value.node }, value);
  }

  ledger(value: Ledger): void {
    this.put(ledgerRecord, { node: value.node }, value);
  }

  route(value: Route): void {
    this.put(routeRecord, { tenant: value.tenant, host: value.host }, value);
  }
}

const noSession = { ok: false, refusal: refusal('actor-unavailable', 'no agent in this test') };
const last = { verb: 'created', at: 1_000, message: 'made' };

export function workloadOf(
  name: string,
  wanted: Wanted = service(1),
  more: Partial<Workload> = {},
): Workload {
  return {
    ...{ tenant: 'default', name, generation: 1, templateGeneration: 1, createdAt: 1_000, last },
    ...wanted,
    ...more,
  } as Workload;
}

export function instanceOf(instance: string, more: Partial<Instance> = {}): Instance {
  return {
    ...{ tenant: 'default', instance, workload: 'web', kind: 'service', generation: 1 },
    ...{ intent: 'run', epoch: 1, attempt: 1, node: 'n1', avoid: [], failures: 0 },
    ...{ createdAt: 1_000, last },
    ...more,
  };
}

export function observedOf(instance: string, more: Partial<Observed> = {}): Observed {
  return {
    ...{ node: 'n1', tenant: 'default', workload: 'web', instance, epoch: 1, attempt: 1 },
    ...{ state: 'running', isReady: true, address: '10.0.0.1', ports: { http: 8000 } },
    ...{ restarts: 0, startedAt: 2_000, changedAt: 2_000 },
    ...more,
  };
}

export function nodeOf(node: string, more: Partial<Node> = {}): Node {
  return {
    node,
    identity: '00000000-0000-0000-0000-000000000001',
    ...{ class: 'steady', labels: {}, architecture: 'x64', platform: 'linux', hostname: node },
    ...{ address: '10.0.0.1', agentVersion: '0.1.0', protocol: 1 },
    drivers: { process: { enforces: [], notEnforced: {} } },
    capacity: { cpuMilli: 1_000, memoryBytes: 2 ** 30, diskBytes: 2 ** 33 },
    ...{ liveness: 'ready', enrolledAt: 500, offlineAt: [], last },
    ...more,
  };
}

/** Streams in memory; a reader gets what is there, then what is added, when `deliver` is called. */
export class MemoryStreams implements Streams {
  readonly messages: Tailed[] = [];
  /** Readers ever opened. */
  opened = 0;
  isAnswering = true;
  readonly #deliveries = new Set<() => boolean>();

  add(subject: string, body: Uint8Array, at = 0): number {
    const sequence = this.messages.length + 1;
    this.messages.push({ subject, sequence, at, body, headers: {} });
    return sequence;
  }

  tail: Streams['tail'] = (what, start, reader) => {
    this.opened++;
    const wanted = this.#wanted(what);
    let seen = start.kind === 'after' ? start.sequence : 0;
    let isCurrent = false;
    const deliver = (): boolean => {
      const next = this.messages.find((each) => each.sequence > seen && wanted(each));
      if (next) {
        seen = next.sequence;
        reader.message(next);
      }
      const isLast = !this.messages.some((each) => each.sequence > seen && wanted(each));
      if (isLast && !isCurrent && this.#deliveries.has(deliver)) {
        isCurrent = true;
        reader.current();
        return true;
      }
      return next !== undefined;
    };
    this.#deliveries.add(deliver);
    if (this.isAnswering) queueMicrotask(() => this.deliver());
    return () => this.#deliveries.delete(deliver);
  };

  /** Hands on everything there is to whoever reads. */
  deliver(): void {
    let isMore = true;
    while (isMore) {
      isMore = false;
      for (const each of [...this.#deliveries]) {
        if (this.#deliveries.has(each) && each()) isMore = true;
      }
    }
  }

  range: Streams['range'] = async () =>
    this.isAnswering ? { first: 1, last: this.messages.length, replicas: 1 } : undefined;

  last: Streams['last'] = async (_stream, subject) =>
    this.messages.filter((each) => each.subject === subject).at(-1);

  #wanted({ subjects }: What): (message: Tailed) => boolean {
    return (message) => subjects.some((each) => covers(each, message.subject));
  }
}

export interface Asked {
  readonly contract: string;
  readonly tokens: unknown;
  readonly payload: unknown;
}

/** Everything a server needs, with actors that answer as told. */
export function insideOf(
  hand: Hand,
  answer: (asked: Asked) => Answer<unknown> = () => ({
    ok: false,
    refusal: refusal('actor-unavailable', 'no actor in this test'),
  }),
): Inside & {
  readonly asked: Asked[];
  readonly streams: MemoryStreams;
  readonly usage: UsageTable;
} {
  const asked: Asked[] = [];
  const streams = new MemoryStreams();
  const calls = new Calls();
  const ask: AskActor = async (_reply, contract, tokens, payload) => {
    const one = { contract: contract.name, tokens, payload };
    asked.push(one);
    return answer(one) as never;
  };
  const inquire: Inside['inquire'] = async (contract, tokens, payload) => {
    const one = { contract: contract.name, tokens, payload };
    asked.push(one);
    return { answer: answer(one) as never, revision: 1, mayCome: false };
  };
  let ids = 0;
  const usage = new UsageTable();
  return {
    turns: new Turns(hand.known),
    ...{ known: hand.known, ask, inquire, asked, streams, clients: new SseStreams() },
    ...{ feed: new EventFeed(streams), table: new IngressTable(hand.known, calls), calls },
    ...{ sockets: new Set(), grpcCalls: new Set() },
    meters: gatewayMeters({
      ...{ sseClients: () => 0, webSockets: () => 0, calls: () => calls.all, revision: () => 0 },
      ...{ grpcStreams: () => 0, sessions: () => 0, store: () => new Map([['well', 1]]) },
      ...fabricCounts(hand.known),
    }),
    usage,
    ingressPort: 8481,
    sessions: {
      size: 0,
      stop: () => undefined,
      open: async () => noSession,
    } as unknown as Sessions,
    openedSessions: {
      list: async () => ({ sessions: [], silent: [] }),
      end: async () => noSession,
    } as unknown as Inside['openedSessions'],
    log: silentLog,
    newId: () => `id-${++ids}`,
    upkeeps: [],
    controls: async () => [{ copy: 'control-L1H4', version: '0.1.0', protocol: 1, acts: true }],
    bus: () => ({ connected: true, server: 'test', version: '2.15.1' }),
    store: () => ({ state: 'well', message: 'the store takes writes', since: undefined }),
    durability: {
      found: {
        ...{ level: 'process', replicas: 1, syncInterval: '10s' },
        sentence: 'survives the death of any process',
      },
      start: async () => undefined,
    },
  };
}
