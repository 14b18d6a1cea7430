/** `shoal context ls|set|use|rm`. */
import type { Command } from 'commander';
import type { Wiring } from '../command-line.ts';

export function addContextCommands(program: Command, { session, end }: Wiring): void {
  const context = program
    .command('context')
    .summary('names for the fabrics you work with: list, set, use, remove');
  context
    .command('ls')
    .summary('list contexts; the current one has a star')
    .action(async (_options: object, command: Command) => {
      const { listContexts } = await import('./contexts.ts');
      end(listContexts(session(command)));
    });
  context
    .command('set')
    .summary('make a context, or change what is given of it')
    .description(
      'Keeps --gateway and --tenant, and where the bus is, under a name. The environment (SHOAL_GATEWAY …) wins over the current context, --context over both.',
    )
    .argument('<name>')
    .option('--nats <url>', 'where the bus is (SHOAL_NATS)')
    .option('--seed <file>', 'the key file for the bus (SHOAL_SEED)')
    .action(async (name: string, options: Given, command: Command) => {
      const { setContext } = await import('./contexts.ts');
      const given = { ...globalsGiven(command), ...options };
      end(setContext(session(command), name, given));
    });
  for (const [order, summary] of [
    ['use', 'make a context the current one'],
    ['rm', 'forget a context'],
  ] as const) {
    context
      .command(order)
      .summary(summary)
      .argument('<name>')
      .action(async (name: string, _options: object, command: Command) => {
        const { useContext, removeContext } = await import('./contexts.ts');
        end((order === 'use' ? useContext : removeContext)(session(command), name));
      });
  }
}

interface Given {
  readonly nats?: string;
  readonly seed?: string;
}

/** Of the options before every command those that were typed. */
function globalsGiven(command: Command): { gateway?: string; tenant?: string } {
  const all = command.optsWithGlobals() as Readonly<Record<string, string>>;
  const typed = (['gateway', 'tenant'] as const).filter(
    (name) => command.getOptionValueSourceWithGlobals(name) === 'cli',
  );
  return Object.fromEntries(typed.map((name) => [name, all[name] as string]));
}
