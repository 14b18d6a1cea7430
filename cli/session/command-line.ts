/** The commands that reach into an instance, with their arguments and options. */
import type { Command } from 'commander';
import type { Wiring } from '../command-line.ts';
import type { AttachOptions } from '../commands/attach.ts';
import type { CopyOptions } from '../commands/cp.ts';
import type { ExecOptions } from '../commands/exec.ts';
import type { ForwardOptions } from '../commands/port-forward.ts';
import type { ListSessionsOptions } from '../commands/sessions.ts';

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
    .option('--sidecar <name>', 'beside this sidecar, not beside the program')
    .action(async (name: string, words: string[], options: ExecOptions, command: Command) => {
      const { exec } = await import('../commands/exec.ts');
      end(await exec(session(command), name, words, options));
    });
  program
    .command('attach')
    .summary('follow what an instance prints, to the end of its run')
    .description(
      'From now on, stdout to stdout and stderr to stderr. Ends with the exit code of the run, also when the instance is restarted. Ctrl-C leaves the program alone.',
    )
    .argument('<name>', NAME)
    .option('--sidecar <name>', 'this sidecar, not the program')
    .option('--sig-proxy', 'pass INT, QUIT, TERM, USR1 and USR2 on to the program')
    .action(async (name: string, options: AttachOptions, command: Command) => {
      const { attach } = await import('../commands/attach.ts');
      end(await attach(session(command), name, options));
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
  program
    .command('cp')
    .summary('copy files and folders out of an instance, or into it')
    .description(
      'With modes and times. One of both is NAME:PATH, from the root of the instance (of a process: its own folder); - is a tar archive on stdin or stdout. No file is there by half, however it ends.',
    )
    .argument('<from>', 'a path here, NAME:PATH, or -')
    .argument('<to>', 'likewise: a folder that is there, a file, or a new name')
    .option('--sidecar <name>', 'of this sidecar, not of the program')
    .action(async (from: string, to: string, options: CopyOptions, command: Command) => {
      const { cp } = await import('../commands/cp.ts');
      end(await cp(session(command), [from, to], options));
    });
  addOpened(program, { session, end });
}

function addOpened(program: Command, { session, end }: Pick<Wiring, 'session' | 'end'>): void {
  const sessions = program.command('sessions').summary('sessions that are open: list, end');
  sessions
    .command('ls')
    .summary('list commands, connections and copies that are under way')
    .description("With a tenant's instances, whoever opened them; asked of their nodes.")
    .option('--node <node>', 'only with instances of this node')
    .option('--instance <id>', 'only with this instance')
    .action(async (options: ListSessionsOptions, command: Command) => {
      const { listSessions } = await import('../commands/sessions.ts');
      end(await listSessions(session(command), options));
    });
  sessions
    .command('end')
    .summary('end sessions, whoever opened them')
    .description(
      'As when who opened them goes: commands and connections end, no file is there by half. They are told that somebody did.',
    )
    .argument('<ids...>', 'as `shoal sessions ls` shows them')
    .action(async (ids: string[], _options: object, command: Command) => {
      const { endSessions } = await import('../commands/sessions.ts');
      end(await endSessions(session(command), ids));
    });
}
