/** The commands about rollouts, with their arguments and options. */
import type { Command } from 'commander';
import { parseNumber, waitOption } from '../arguments.ts';
import type { Wiring } from '../command-line.ts';
import type { RolloutOptions, RolloutOrder } from '../commands/rollout.ts';

/** Highest version that can be named: generations are whole numbers of nine digits at most. */
const VERSION_MAX = 999_999_999;

const orders: readonly (readonly [RolloutOrder, string])[] = [
  ['promote', 'let a version whose canaries are ready replace the rest'],
  ['abort', 'end a rollout: back to the version before'],
  ['undo', 'go back to an earlier version'],
];

/** Adds `rollout` with what is below it. */
export function addRolloutCommands(program: Command, { session, end }: Wiring): void {
  const rollout = program
    .command('rollout')
    .summary('how a service comes to a version: status, history, undo, promote, abort');
  rollout
    .command('status')
    .summary('how far a service is with its version, and what it waits for')
    .description(
      'With --wait: until it is complete or its canaries are ready. Ends with 1 when it failed or was rolled back, with 4 when the time is over.',
    )
    .argument('<name>', 'the service')
    .addOption(waitOption('it is complete, or canaries wait to be promoted'))
    .action(async (name: string, options: { readonly wait?: number }, command: Command) => {
      const { rolloutStatus } = await import('../commands/rollout.ts');
      end(await rolloutStatus(session(command), name, options));
    });
  rollout
    .command('history')
    .summary('the versions of a service that are kept')
    .argument('<name>', 'the service')
    .action(async (name: string, _options: object, command: Command) => {
      const { rolloutHistory } = await import('../commands/rollout.ts');
      end(await rolloutHistory(session(command), name));
    });
  for (const [order, summary] of orders) {
    const added = rollout
      .command(order)
      .summary(summary)
      .argument('<name>', 'the service')
      .addOption(waitOption('it is complete'));
    if (order === 'undo') {
      const which = 'the version to go back to; default: the last one that was complete';
      added.option('--to <version>', which, parseNumber(1, VERSION_MAX));
    }
    added.action(async (name: string, options: RolloutOptions, command: Command) => {
      const { orderRollout } = await import('../commands/rollout.ts');
      end(await orderRollout(session(command), order, name, options));
    });
  }
}
