/** `shoal completion`, and what the shells ask: `shoal complete`. */
import { Argument, type Command } from 'commander';
import type { Wiring } from '../command-line.ts';
import { exitCodes } from '../exit-codes.ts';
import { type CompletionShell, completionShells, scripts } from './scripts.ts';

export function addCompletionCommands(program: Command, { shell, session, end }: Wiring): void {
  program
    .command('completion')
    .summary('what a shell needs to complete command lines of shoal')
    .description(
      'bash: source <(shoal completion bash); zsh: source <(shoal completion zsh); fish: shoal completion fish | source. Put that into what your shell reads at its start.',
    )
    .addArgument(new Argument('<shell>', 'which one').choices(completionShells))
    .action((of: CompletionShell) => {
      shell.out(scripts[of]);
      end(exitCodes.ok);
    });
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[], _options: object, command: Command) => {
      const { complete } = await import('./complete.ts');
      end(await complete(program, session(command), words));
    });
}
