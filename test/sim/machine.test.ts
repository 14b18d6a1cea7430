/** A simulated agent can end between any two things it does, also between two jobs of one step. */
import { expect, test } from 'vitest';
import { FakeClock } from '../../actors/runtime/memory/clock.ts';
import type { Job } from '../../actors/runtime/ports.ts';
import type { StartInput } from '../../edge-agent/jobs.ts';
import { Machine } from './machine.ts';
import { ProcessClock } from './process-clock.ts';
import { calmWeather, Wire } from './wire.ts';
import { smallMachine } from './world.ts';

const under = { actor: 'agent', fence: 0 };
const names = ['default.a', 'default.b', 'default.c'];

/** Three instances that run, and the agent that is about to stop all of them in one step. */
function scene() {
  const clock = new FakeClock();
  let isOpen = true;
  const wire = new Wire({
    ...{ weather: calmWeather(), clock: new ProcessClock(clock), random: () => 0 },
    count: () => undefined,
    end: () => {
      isOpen = false;
    },
  });
  const machine = new Machine('n1', clock, () => 0, { capacity: smallMachine });
  const jobs = machine.jobs({
    ...{ connection: () => 1, isOpen: () => isOpen, isEnd: () => wire.isEnd() },
    ...{ arrive: (call) => call(), giveUp: () => undefined, reread: () => undefined },
  });
  const work = (name: string, input: object): void =>
    (jobs[name] as Job)(input, () => undefined, under);
  for (const name of names) {
    const spec = { spec: { command: ['serve'] } } as unknown as StartInput['spec'];
    work('start', { name, run: 1, epoch: 1, spec });
  }
  clock.advance(100);
  const left = (): string[] => machine.running().map(({ input }) => input.name);
  expect(left()).toEqual(names);
  return { clock, wire, work, left };
}

test.each([1, 2, 3])('it ends before job %i of a step: those before it are done', (nth) => {
  const { clock, wire, work, left } = scene();
  wire.crashIn = nth;
  for (const name of names) work('stop', { name, run: 1, graceMs: 0 });
  clock.advance(1_000);
  expect(left()).toEqual(names.slice(nth - 1));
});
