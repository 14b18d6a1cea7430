/** The commands about what is in use, with their options. */
import type { Command } from 'commander';
import type { Wiring } from '../command-line.ts';
import type { TopOptions } from '../commands/top.ts';

/** Adds `top` with what is below it. */
export function addTopCommands(program: Command, { session, end }: Wiring): void {
  const top = program.command('top').summary('what is in use of processor and memory');
  top
    .command('nodes')
    .summary('what nodes use, whoever it is that uses it')
    .description('As they last said, each 15 s; of one that is away nothing is known.')
    .action(async (_options: object, command: Command) => {
      const { topNodes } = await import('../commands/top.ts');
      end(await topNodes(session(command)));
    });
  top
    .command('instances')
    .summary('what instances use, beside what is booked for them')
    .description('As their nodes last said, each 15 s. Memory without files the kernel only keeps.')
    .option('--workload <name>', 'only of this workload')
    .option('--node <id>', 'only on this node')
    .action(async (options: TopOptions, command: Command) => {
      const { topInstances } = await import('../commands/top.ts');
      end(await topInstances(session(command), options));
    });
}
