/** Tells what an acknowledged write survives: looked up at the start, and with each new connection. */
import { durabilityInForce, type FoundDurability } from '../actors/runtime/nats/in-force.ts';
import type { BusProcess } from '../actors/runtime/nats/process.ts';

/** Streams that hold what callers were acknowledged. */
const STREAMS = ['KV_shoal', 'KV_shoal-observed'] as const;

export class DurabilityWatch {
  readonly #bus: Pick<BusProcess, 'connection' | 'ports'>;
  /** What was found last; undefined: nothing yet. */
  found: FoundDurability | undefined;

  constructor(bus: Pick<BusProcess, 'connection' | 'ports'>) {
    this.#bus = bus;
  }

  /** Looks; resolves when something was found, or nothing could be. */
  async start(): Promise<void> {
    await this.#look();
    // A server that was started again may have been given other settings.
    this.#bus.ports.bus.watchConnection((isConnected) => {
      if (isConnected) void this.#look();
    });
  }

  async #look(): Promise<void> {
    this.found = (await durabilityInForce(this.#bus.connection, STREAMS)) ?? this.found;
  }
}
