/** Actors as they run in a world: what they do with their ports, and each of their steps, is watched. */
import type { Actor } from '../../actors/runtime/actor.ts';
import { Host, type HostOptions } from '../../actors/runtime/host.ts';
import type { Job } from '../../actors/runtime/ports.ts';
import type { ProcessClock } from './process-clock.ts';
import { stepLine } from './trace.ts';
import { watchedPorts } from './watched-ports.ts';
import { watchedSteps } from './watched-steps.ts';
import type { World } from './world.ts';

/** An actor in a process with this clock: what is wrong with what it does is told. */
export function hostIn(
  world: World,
  clock: ProcessClock,
  actor: Actor,
  options: HostOptions,
): Host {
  const { checkers, poison } = world;
  const { copy } = options;
  const acts = actor.copies === 'acting' ? checkers.actingOf(actor.name, copy) : undefined;
  const who = `${copy} ${actor.name}`;
  const steps = watchedSteps(actor, {
    before(label, message) {
      // By a clock that it can trust.
      if (!clock.wasSuspended) acts?.();
      poison.taste(copy, label, message);
    },
    after: world.isTraced ? (came, decided) => world.note(stepLine(who, came, decided)) : undefined,
  });
  const ports = watchedPorts(options.ports, {
    who: `${actor.name} of ${copy}`,
    violation: (what) => checkers.violation(what),
    done: (message) => poison.wrongDone(copy, message),
  });
  return new Host(steps, { ...options, ports });
}

/** Jobs of which each is told of before it begins. */
export function told(begins: () => void, jobs: Readonly<Record<string, Job>>): Record<string, Job> {
  return Object.fromEntries(
    Object.entries(jobs).map(([name, job]): [string, Job] => [
      name,
      (...of) => {
        begins();
        return job(...of);
      },
    ]),
  );
}
