/** What lies behind the door, as routes and ingress use it: what is known, asked and read. */
import type { Log } from '../actors/runtime/log.ts';
import { type ControlCopy, controlCopies } from '../actors/runtime/nats/ask-services.ts';
import type { BusProcess } from '../actors/runtime/nats/process.ts';
import type { StoreWatch } from '../actors/runtime/nats/store-watch.ts';
import { type StoreState, sentenceAbout } from '../actors/runtime/store-state.ts';
import type { Refusal } from '../subjects/index.ts';
import { type AskActor, actorAsker, type Inquire, inquirer } from './ask-actor.ts';
import { fabricCounts } from './counts.ts';
import { DurabilityWatch } from './durability.ts';
import { EventFeed } from './events/feed.ts';
import { SseStreams } from './http/sse.ts';
import { Calls } from './ingress/calls.ts';
import { IngressTable } from './ingress/table.ts';
import { Known } from './known.ts';
import { Turns } from './line/turns.ts';
import { gatewayMeters, type Meters } from './metrics.ts';
import { OpenedSessions } from './sessions/opened.ts';
import { Sessions } from './sessions/sessions.ts';
import { natsStreams, type Streams } from './streams/streams.ts';
import type { UpkeepHealth } from './upkeep.ts';
import { UsageTable } from './usage.ts';

/** The bus as it is at the moment. */
export interface BusState {
  readonly connected: boolean;
  /** Name of the server. */
  readonly server: string;
  readonly version: string;
}

/** How the store is, as `/health` tells it. */
export interface StoreHealth {
  readonly state: StoreState['kind'];
  readonly message: string;
  /** When it came to be so, in milliseconds since 1970; undefined: it is well. */
  readonly since: number | undefined;
}

/** What there is before the doors are open. */
export interface Behind {
  readonly known: Known;
  readonly ask: AskActor;
  /** Asks for what is no call of the API. */
  readonly inquire: Inquire;
  readonly streams: Streams;
  readonly feed: EventFeed;
  /** Callers that watch events or logs. */
  readonly clients: SseStreams;
  /** Sessions of callers with instances. */
  readonly sessions: Sessions;
  /** Those of everybody, as nodes say. */
  readonly openedSessions: Pick<OpenedSessions, 'list' | 'end'>;
  /** Callers that wait for slots of pools. */
  readonly turns: Turns;
  /** Ways of host names to instances. */
  readonly table: IngressTable;
  /** Calls under way at each endpoint. */
  readonly calls: Calls;
  /** Streams of gRPC callers that watch events or logs. */
  readonly grpcCalls: Set<{ end(because: Refusal): void }>;
  /** WebSockets forwarded at the moment. */
  readonly sockets: Set<{ terminate(): void }>;
  /** What nodes say is in use. */
  readonly usage: Pick<UsageTable, 'of'>;
  readonly meters: Meters;
  readonly log: Log;
  newId(): string;
  bus(): BusState;
  /** The control planes that run at the moment; asks them. */
  controls(): Promise<readonly ControlCopy[]>;
  readonly durability: Pick<DurabilityWatch, 'found' | 'start'>;
  store(): StoreHealth;
  /** What of the store is kept elsewhere, too. */
  readonly upkeeps: { health(): UpkeepHealth }[];
}

export interface Inside extends Behind {
  /** Where the ingress listens: the port of the URLs that are told. */
  readonly ingressPort: number;
}

/** Everything the gateway holds on a bus. Call before the bus's views are started. */
export function insideOf(bus: BusProcess, log: Log): Behind {
  const known = new Known(bus.views);
  const inquire = inquirer(bus.ports, known, bus.ports.storeWatch);
  const streams = natsStreams(bus);
  const clients = new SseStreams();
  const sockets = new Set<{ terminate(): void }>();
  const calls = new Calls();
  const usage = new UsageTable();
  // For as long as the connection.
  usage.listen(bus.ports.bus);
  const grpcCalls: Behind['grpcCalls'] = new Set();
  const sessions = new Sessions(bus.ports);
  let connected = true;
  bus.ports.bus.watchConnection((isConnected) => {
    connected = isConnected;
  });
  return {
    ...{ known, inquire, streams, clients, sockets, sessions, calls, grpcCalls, usage, log },
    ask: actorAsker(inquire),
    openedSessions: new OpenedSessions(bus.ports, known),
    turns: new Turns(known),
    feed: new EventFeed(streams),
    table: new IngressTable(known, calls),
    meters: gatewayMeters({
      sseClients: () => clients.size,
      webSockets: () => sockets.size,
      calls: () => calls.all,
      grpcStreams: () => grpcCalls.size,
      sessions: () => sessions.size,
      revision: () => known.revision,
      ...fabricCounts(known),
      store: () => new Map([[storeHealth(bus.ports.storeWatch).state, 1]]),
    }),
    newId: bus.ports.newId,
    upkeeps: [],
    controls: () => controlCopies(bus.connection),
    durability: new DurabilityWatch(bus),
    store: () => storeHealth(bus.ports.storeWatch),
    bus: () => {
      const { server_name: server = '', version = '' } = bus.connection.info ?? {};
      return { connected, server, version };
    },
  };
}

function storeHealth(watch: StoreWatch | undefined): StoreHealth {
  const state: StoreState = watch?.state ?? { kind: 'well' };
  return { state: state.kind, message: sentenceAbout(state), since: watch?.since };
}
