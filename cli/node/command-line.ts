/** The commands about nodes, with their arguments and options. */
import type { Command } from 'commander';
import { parseSpanText, waitOption } from '../arguments.ts';
import type { Wiring } from '../command-line.ts';
import type { DrainOptions } from '../commands/drain.ts';
import type { NodeOrder } from '../commands/node.ts';

const nodeOrders: readonly (readonly [NodeOrder, string])[] = [
  ['cordon', 'give it no new work; what runs there stays'],
  ['uncordon', 'take back a cordon, a drain or a failed state'],
];

/** Adds `node` with what is below it. */
export function addNodeCommands(program: Command, { session, end }: Wiring): void {
  const node = program.command('node').summary('list nodes, and decide about them');
  node
    .command('ls')
    .summary('list nodes')
    .action(async (_options: object, command: Command) => {
      const { get } = await import('../commands/get.ts');
      end(await get(session(command), 'node', undefined, {}));
    });
  node
    .command('describe')
    .summary('everything about a node')
    .argument('<name>')
    .action(async (name: string, _options: object, command: Command) => {
      const { describe } = await import('../commands/describe.ts');
      end(await describe(session(command), 'node', name));
    });
  for (const [order, summary] of nodeOrders) {
    node
      .command(order)
      .summary(summary)
      .argument('<name>')
      .option('--reason <text>', 'why, for those who come later')
      .action(async (name: string, options: { readonly reason?: string }, command: Command) => {
        const { orderNode } = await import('../commands/node.ts');
        end(await orderNode(session(command), order, name, options));
      });
  }
  node
    .command('drain')
    .summary('give it no new work, and move what runs there elsewhere')
    .description(
      'Each instance goes when another one is ready in its place, as its update strategy says. Jobs run to their end.',
    )
    .argument('<name>')
    .option('--reason <text>', 'why, for those who come later')
    .option('--deadline <span>', 'stop and replace what is left after so long', parseSpanText)
    .option('--cancel', 'take the drain back; what has moved stays where it is')
    .addOption(waitOption('it is empty'))
    .action(async (name: string, options: DrainOptions, command: Command) => {
      const { drainNode } = await import('../commands/drain.ts');
      end(await drainNode(session(command), name, options));
    });
}
