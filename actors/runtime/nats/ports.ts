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
import { natsTimed } from './timed.ts';

/** Longest delay of one of Node's timers, in milliseconds: with more they come at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(delayMs, call) {
    let timer: NodeJS.Timeout;
    const wait = (leftMs: number): void => {
      const stepMs = Math.min(leftMs, TIMER_MS_MAX);
      timer = setTimeout(() => (leftMs > stepMs ? wait(leftMs - stepMs) : call()), stepMs);
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
  soon: (call) => void setImmediate(call),
};

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
  options: { readonly log: Log; readonly fanout?: FanoutKeys },
): NatsPorts {
  const inbox = inboxPrefix(identity);
  reportThrows(connection, options.log);
  const exchange = new Exchange(connection, inbox);
  const newId = (): string => nuid.next();
  const bare = natsStore(connection, exchange, { newId, inbox });
  const mayAsk = identity.role === 'control' || identity.role === 'gateway';
  const storeWatch = mayAsk ? new StoreWatch(connection, systemClock, options.log) : undefined;
  const store = storeWatch ? watchedStore(bare, storeWatch, systemClock) : bare;
  const by = { clock: systemClock, read: store.read };
  const fanout = options.fanout && natsFanout(connection, by, options.fanout);
  return {
    clock: systemClock,
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
