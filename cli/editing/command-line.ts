/** `shoal diff`, `shoal edit` and `shoal wait`. */
import type { Command } from 'commander';
import { parseSpan } from '../arguments.ts';
import type { Wiring } from '../command-line.ts';
import type { WaitOptions } from '../commands/wait.ts';
import { nounOf } from '../nouns.ts';

/** What `wait` waits at most, in milliseconds, unless it is told. */
const WAIT_MS = 120_000;

export function addEditingCommands(program: Command, { session, end }: Wiring): void {
  program
    .command('diff')
    .summary('what applying manifests would change, line by line')
    .description(
      'Compares manifests, defaults filled in, with what is stored. Ends with 1 where something would change, with 2 where that cannot be said. Changes nothing.',
    )
    .requiredOption(
      '-f, --file <file>',
      'a manifest, a folder of them, or - for stdin; may be repeated',
      (value: string, before: readonly string[] = []) => [...before, value],
    )
    .action(async (options: { readonly file: readonly string[] }, command: Command) => {
      const { diff } = await import('./diff.ts');
      end(await diff(session(command), options));
    });
  program
    .command('edit')
    .summary('open what is stored in an editor, and apply what you make of it')
    .description(
      'By VISUAL, EDITOR or vi. What somebody else changes meanwhile is not overwritten.',
    )
    .argument('<what>', 'workload, schedule or pool')
    .argument('<name>')
    .action(async (what: string, name: string, _options: object, command: Command) => {
      const { edit } = await import('./edit.ts');
      end(await edit(session(command), nounOf(what), name));
    });
  program
    .command('wait')
    .summary('wait until a workload, an instance or a node is as you need it')
    .argument('<what>', 'workload, instance or node')
    .argument('<name>')
    .option(
      '--for <condition>',
      'workload: ready (a job: succeeded) or gone; instance: a phase or gone; node: a state or drained',
      'ready',
    )
    .option('--timeout <span>', 'at most this long; default 2m', parseSpan, WAIT_MS)
    .action(async (what: string, name: string, options: WaitOptions, command: Command) => {
      const { wait } = await import('../commands/wait.ts');
      end(await wait(session(command), nounOf(what), name, options));
    });
}
