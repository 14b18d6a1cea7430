/** The commands that reach into an instance, with their arguments and options. */
import type { Command } from 'commander';
import type { Wiring } from '../command-line.ts';
import type { ExecOptions } from '../commands/exec.ts';
import type { ForwardOptions } from '../commands/port-forward.ts';

const NAME = 'a workload, or the id of an instance';

export function addSessionCommands(program: Command, { session, end }: Wiring): void {
  program
    .command('exec')
    .summary('run a command beside an instance')
    .description(
      'In its environment, folder and limits. Ends with the exit code of the command; the command ends with this one.',
    )
    .argument('<name>', NAME)
    .argument('<command...>', 'after --: the program and its arguments')
    .option('-i, --stdin', 'pass stdin on')
    .option('-t, --tty', 'give it a terminal')
    .action(async (name: string, words: string[], options: ExecOptions, command: Command) => {
      const { exec } = await import('../commands/exec.ts');
      end(await exec(session(command), name, words, options));
    });
  program
    .command('port-forward')
    .summary('reach ports of an instance from this machine')
    .description(
      'Each connection to the local port becomes one to the instance, until Ctrl-C. Only ports of its spec.',
    )
    .argument('<name>', NAME)
    .argument('<ports...>', '[LOCAL:]PORT; PORT: a name, or what the program listens on')
    .option('--address <address>', 'where to listen', '127.0.0.1')
    .action(async (name: string, ports: string[], options: ForwardOptions, command: Command) => {
      const { portForward } = await import('../commands/port-forward.ts');
      end(await portForward(session(command), name, ports, options));
    });
}
