/**
 * Makes sure that grpc.health.v1 says of every service whether it can answer now: on the bus, views
 * current, and a store that takes part. Whoever watches is told at each change, and goodbye.
 */
import { type ServerWritableStream, status } from '@grpc/grpc-js';
import { HealthImplementation, type service } from 'grpc-health-check';
import type { Inside } from '../inside.ts';

/** How often it is looked, in milliseconds: a change is told within it. */
const LOOK_MS = 250;
/** States of the store in which not even reads can be trusted to be new. */
const AWAY: ReadonlySet<string> = new Set(['failed', 'silent']);

type Watcher = ServerWritableStream<unknown, unknown>;
type Handlers = Record<string, (call: Watcher, ...more: unknown[]) => void>;
/** The part of a server that services are added to. */
interface Host {
  addService(definition: typeof service, handlers: Handlers): void;
}

/** Whether calls can be answered at the moment. */
export function isServing({ bus, known, clients, store }: Inside): boolean {
  return bus().connected && known.isCurrent && !clients.isStopping && !AWAY.has(store().state);
}

export class Health {
  readonly #inside: Inside;
  readonly #names: readonly string[];
  readonly #said = new HealthImplementation();
  readonly #watchers = new Set<Watcher>();
  #timer: NodeJS.Timeout | undefined;
  #isServing: boolean | undefined;

  constructor(inside: Inside, names: readonly string[]) {
    this.#inside = inside;
    this.#names = ['', ...names];
  }

  addTo(server: Host): void {
    // The library knows no end of a watch but its caller's.
    const noting = {
      addService: (definition: typeof service, handlers: Handlers): void => {
        const { watch } = handlers;
        server.addService(definition, {
          ...handlers,
          watch: (call) => {
            this.#watchers.add(call);
            call.on('cancelled', () => this.#watchers.delete(call));
            watch?.(call);
          },
        });
      },
    };
    this.#said.addToServer(noting as never);
    this.#look();
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /** Says that nothing is served any more, and ends all watches. */
  stop(): void {
    clearInterval(this.#timer);
    this.#say(false);
    for (const call of this.#watchers) {
      call.emit('error', { code: status.UNAVAILABLE, details: 'the gateway is stopping' });
    }
    this.#watchers.clear();
  }

  #look(): void {
    const now = isServing(this.#inside);
    if (now !== this.#isServing) this.#say(now);
  }

  #say(now: boolean): void {
    this.#isServing = now;
    for (const name of this.#names) this.#said.setStatus(name, now ? 'SERVING' : 'NOT_SERVING');
  }
}
