/** The runtime's ports on one NATS connection and the machine's clock. */
import { type NatsConnection, nuid } from 'nats';
import { type Identity, inboxPrefix } from '../../../subjects/permissions.ts';
import type { Fanout, FanoutKeys } from '../fanout.ts';
import type { Log } from '../log.ts';
import type { Clock, Ports } from '../ports.ts';
import { natsBus } from './bus.ts';
import { Exchange } from './exchange.ts';
import { natsFanout } from './fanout.ts';
import { reportThrows } from './guard.ts';
import { natsQueue } from './queue.ts';
import { natsStore } from './store.ts';
import { StoreWatch, watchedStore } from './store-watch.ts';
import { systemClock } from './system-clock.ts';
import { natsTimed } from './timed.ts';

export interface NatsPorts extends Ports {
  readonly exchange: Exchange;
  /** Present where keys are followed by fan-out. */
  readonly fanout: Fanout | undefined;
  /** How the store is; absent where a program may not ask the servers. */
  readonly storeWatch: StoreWatch | undefined;
}

/** Ports of a connection; with `fanout`, the store's keys are followed without a consumer. */
export function natsPorts(
  connection: NatsConnection,
  identity: Identity,
  options: { readonly log: Log; readonly fanout?: FanoutKeys; readonly clock?: Clock },
): NatsPorts {
  const clock = options.clock ?? systemClock;
  const inbox = inboxPrefix(identity);
  reportThrows(connection, options.log);
  const exchange = new Exchange(connection, inbox);
  const newId = (): string => nuid.next();
  const bare = natsStore(connection, exchange, { newId, inbox });
  const mayAsk = identity.role === 'control' || identity.role === 'gateway';
  const storeWatch = mayAsk ? new StoreWatch(connection, clock, options.log) : undefined;
  const store = storeWatch ? watchedStore(bare, storeWatch, clock) : bare;
  const by = { clock, read: store.read };
  const fanout = options.fanout && natsFanout(connection, by, options.fanout);
  return {
    clock,
    bus: natsBus(connection, exchange),
    store: fanout ? { ...store, follow: fanout.follow } : store,
    queue: natsQueue(connection, exchange, options.log),
    timed: natsTimed(connection, exchange, options.log),
    newId,
    exchange,
    fanout,
    storeWatch,
  };
}
