/**
 * How many dead letters a second can be put back: the actor on a real server, asks in flight
 * together, each marked in the store, put on its queue and answered. What a person does after a
 * repair, at the size of a bad night.
 */
import { dead } from '../../actors/dead/actor.ts';
import { deadJobs } from '../../actors/dead/shell.ts';
import { Host } from '../../actors/runtime/host.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import { readAnswer, unanswered } from '../../actors/runtime/perform.ts';
import type { Ports } from '../../actors/runtime/ports.ts';
import { Views } from '../../actors/runtime/views.ts';
import {
  type Answer,
  address,
  type DeadLetter,
  deadRecord,
  deadReplay,
  encode,
  placeWork,
} from '../../subjects/index.ts';
import type { Identity } from '../../subjects/permissions.ts';
import { eventually } from '../support/ports.ts';
import { benchBus, onFile } from './bus.ts';
import { type Benchmark, median, repeated } from './figure.ts';

const LETTERS = 900;
const IN_FLIGHT = 64;
const RUNS = 3;
const now = Date.now();

export const letters: Benchmark = {
  name: 'kernel.letters',
  async run(tell) {
    const rates = await repeated(RUNS, measure);
    tell({
      ...{ name: 'kernel.letters.replayed', value: median(rates), unit: '1/s', better: 'higher' },
      configuration: { ...onFile, letters: LETTERS, inFlight: IN_FLIGHT, runs: RUNS },
    });
  },
};

async function measure(): Promise<number> {
  await using bus = await benchBus();
  const [first, second] = bus.names as readonly [Identity, Identity];
  const [ports, outside] = [await bus.ports(first), await bus.ports(second)];
  const ids = Array.from({ length: LETTERS }, (_, index) => `l${index}`);
  await fill(outside, ids);
  const views = new Views(ports.store, ports.clock, silentLog);
  const host = new Host(dead(), {
    ports,
    views,
    copy: 'bench',
    log: silentLog,
    jobs: deadJobs(ports.queue),
  });
  await new Promise<void>((resolve) => views.start(resolve));
  host.start();
  await new Promise<void>((resolve) => host.whenSettled(resolve));
  await ports.connection.flush();
  let isTaken = 0;
  const close = outside.queue.take(
    { consumer: 'bench-normal', pattern: 'shoal.work.place.normal.*.*', ackWaitMs: 5_000 },
    IN_FLIGHT,
    (item) => {
      isTaken++;
      item.ack();
    },
  );
  const began = performance.now();
  const waiting = [...ids];
  const lane = async (): Promise<void> => {
    for (let id = waiting.pop(); id; id = waiting.pop()) await replay(outside, id);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  await eventually(() => isTaken >= LETTERS, 60_000, 'every item back on its queue');
  const seconds = (performance.now() - began) / 1000;
  close();
  host.stop();
  views.close();
  return LETTERS / seconds;
}

async function fill(ports: Ports, ids: readonly string[]): Promise<void> {
  const writes = ids.map((letter) => {
    const tokens = { priority: 'normal', tenant: 'default', workload: letter } as const;
    const value: DeadLetter = {
      ...{ actor: 'scheduler', letter, at: now, contract: placeWork.name, deliveries: 5 },
      ...{ about: address(placeWork, tokens), payload: { reason: 'bench' } },
      reason: { code: 'fault', detail: 'a step threw' },
    };
    const key = address(deadRecord, { actor: 'scheduler', letter });
    const body = encode(deadRecord, value);
    return { bucket: 'shoal', key, body, expected: 'any', headers: {} } as const;
  });
  await new Promise<void>((resolve) => ports.store.write(writes, () => resolve()));
}

async function replay({ bus }: Ports, letter: string): Promise<void> {
  const subject = address(deadReplay, { actor: 'scheduler', letter });
  const ask = { subject, body: encode(deadReplay, {}), headers: {} };
  const answer = await new Promise<Answer<unknown>>((resolve) =>
    bus.request(ask, deadReplay.timeoutMs, (outcome) =>
      resolve(
        outcome.kind === 'answer'
          ? readAnswer(deadReplay, outcome.body)
          : unanswered(deadReplay, outcome.kind),
      ),
    ),
  );
  if (!answer.ok) throw new Error(`${letter} was not replayed: ${answer.refusal.detail}`);
}
