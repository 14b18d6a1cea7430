/** The two implementations of the ports, in one shape, so that one suite can hold both. */

import { FakeClock } from '../../actors/runtime/memory/clock.ts';
import { MemoryConnection } from '../../actors/runtime/memory/connection.ts';
import { MemoryServer } from '../../actors/runtime/memory/server.ts';
import type { Ports } from '../../actors/runtime/ports.ts';
import { natsFixture } from './nats.ts';

export interface PortsFixture extends AsyncDisposable {
  /** Another connection to the same bus and store. */
  connect(): Promise<Ports & { close(): Promise<void> }>;
  /** Lets time pass until the condition holds; fails after `withinMs`. */
  until(holds: () => boolean, withinMs?: number): Promise<void>;
  /** Lets this much time pass. */
  pass(ms: number): Promise<void>;
}

export async function memoryPorts(): Promise<PortsFixture> {
  const clock = new FakeClock();
  const server = new MemoryServer(clock);
  let ids = 0;
  return {
    connect: async () => {
      const connection = new MemoryConnection(server, clock, { newId: () => `id${++ids}` });
      return { ...connection.ports, close: async () => connection.close() };
    },
    until: async (holds, withinMs = 5_000) => clock.runUntil(holds, withinMs),
    pass: async (ms) => clock.advance(ms),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

export async function natsPortsFixture(): Promise<PortsFixture> {
  const names = ['a', 'b', 'c', 'd'];
  const identities = names.map((name) => ({ role: 'control', name }) as const);
  const server = await natsFixture(identities, { isOpen: true });
  return {
    connect: async () => {
      const name = names.pop();
      if (!name) throw new Error('no more connections in this fixture');
      const ports = await server.ports({ role: 'control', name });
      return { ...ports, close: () => ports.connection.close() };
    },
    until: (holds, withinMs = 5_000) => eventually(holds, withinMs),
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** How much longer than a quiet machine one may take on which much else goes on. No test measures speed. */
export const PATIENCE = 12;
/** A look may be a call to a gateway: those that wait long look seldom, and leave the machine to what they wait for. */
const LOOK_MS = { first: 5, last: 50 } as const;
/** The next look comes when so much more of the time has gone. */
const LATE_BY = 0.05;

/** Waits for a condition on real time that holds within so many milliseconds on a quiet machine. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  withinMs = 30_000,
  what = 'the condition',
): Promise<void> {
  const limitMs = withinMs * PATIENCE;
  const began = Date.now();
  while (!(await holds())) {
    const waitedMs = Date.now() - began;
    if (waitedMs > limitMs) throw new Error(`${what} did not hold in ${limitMs} ms`);
    const pauseMs = Math.min(LOOK_MS.last, Math.max(LOOK_MS.first, waitedMs * LATE_BY));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
