/** An actor whose steps are looked at as they are run: each is told of before, and what it decided after. */
import type { Actor, Step } from '../../actors/runtime/actor.ts';
import type { Effects } from '../../actors/runtime/effect.ts';

/** What came to an actor. */
export interface Came {
  /** The contract, the timer, the job or the view it is of. */
  readonly label: string;
  readonly message: unknown;
}

export interface StepWatch {
  /** A step begins; what this throws, the step does. */
  readonly before: (label: string, message: unknown) => void;
  /** What came, and what was decided for it: effects, or what the step threw. */
  readonly after?: ((came: Came, decided: Effects | Error) => void) | undefined;
}

type AnyStep = Step<unknown, never, unknown>;

/** The same actor, watched. */
export function watchedSteps(actor: Actor, { before, after }: StepWatch): Actor {
  const watched = <S extends AnyStep>(label: string, step: S): S => {
    const told: AnyStep = (state, message, context) => {
      if (!after) {
        before(label, message);
        return step(state, message, context);
      }
      try {
        before(label, message);
        const effects = step(state, message, context);
        after({ label, message }, effects);
        return effects;
      } catch (error) {
        after({ label, message }, error instanceof Error ? error : new Error(String(error)));
        throw error;
      }
    };
    return told as S;
  };
  const { follows, timers, answers, jobs, connected } = actor;
  return {
    ...actor,
    routes: actor.routes.map((each) => ({ ...each, step: watched(each.contract.name, each.step) })),
    follows: mapped(follows, (name, { changed, ...one }) => ({
      ...one,
      changed: changed && watched(`changed ${name}`, changed),
    })),
    timers: mapped(timers, (name, each) => ({ ...each, step: watched(name, each.step) })),
    answers: mapped(answers, (name, step) => watched(`answer ${name}`, step)),
    jobs: mapped(jobs, (name, step) => watched(`done ${name}`, step)),
    connected: connected && watched('connected', connected),
  };
}

function mapped<T>(
  all: Readonly<Record<string, T>>,
  each: (name: string, one: T) => T,
): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(all).map(([name, one]) => [name, each(name, one)]));
}
