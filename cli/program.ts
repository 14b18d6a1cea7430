/** Makes sure that a command line is run to its end, told, and turned into an exit code. */
import { Command, CommanderError, Option } from 'commander';
import { VERSION } from '../actors/runtime/version.ts';
import { DEFAULT_TENANT, tenantName } from '../subjects/index.ts';
import { addCommands } from './command-line.ts';
import { inContext } from './contexts/book.ts';
import { exitCodes } from './exit-codes.ts';
import { Failure, UsageFailure } from './failure.ts';
import { DEFAULT_GATEWAY, Gateway } from './gateway-client.ts';
import {
  type ColourChoice,
  colourChoices,
  type Paint,
  paintedFailure,
  paintFor,
} from './present/paint.ts';
import { type Output, outputs, type Session, type Shell } from './shell.ts';

/** What follows every help. */
export const HELP_TAIL = `
Exit codes: 0 done; 1 refused, or what was waited for failed; 2 wrong usage or
manifest; 3 the gateway (of micro: the bus) does not answer; 4 a wait ran out;
130 Ctrl-C. exec ends with the code of its command.`;

/**
 * Runs a command line, without program and script, to its exit code. Throws only what is a fault of
 * its own.
 */
export async function runCommandLine(words: readonly string[], shell: Shell): Promise<number> {
  let code: number = exitCodes.ok;
  const program = newProgram(shell);
  addCommands(program, {
    shell,
    session: (command) => sessionOf(shell, command),
    end: (ended) => {
      code = ended;
    },
  });
  try {
    await program.parseAsync([...words], { from: 'user' });
    return code;
  } catch (error) {
    if (shell.signal.aborted) return exitCodes.interrupted;
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return exitCodes.ok;
      // Whoever gave no command has just been shown the help.
      const next = error.code === 'commander.help' ? undefined : helpFor(program, words);
      if (next !== undefined) {
        shell.err(paintedFailure(`  next: ${next}`, paintOf(program, shell, 'err')));
      }
      return exitCodes.usage;
    }
    if (!(error instanceof Failure)) throw error;
    shell.err(paintedFailure(error.message, paintOf(program, shell, 'err')));
    return error.exitCode;
  }
}

/** What tells how the command that was begun is used. */
function helpFor(program: Command, words: readonly string[]): string {
  let command = program;
  const path = ['shoal'];
  for (const word of words) {
    const next = command.commands.find((each) => each.name() === word);
    if (!next) continue;
    command = next;
    path.push(word);
  }
  return `\`${path.join(' ')} --help\` says what it takes`;
}

/** How what goes to a stream is painted. */
function paintOf(program: Command, shell: Surroundings, stream: 'out' | 'err'): Paint {
  const { color: chosen, output } = program.opts<Globals>();
  const { terminal, environment } = shell;
  const width = stream === 'out' ? terminal.size() : terminal.errorColumns();
  const isForPrograms = stream === 'out' && output !== 'table' && output !== 'wide';
  return paintFor({ chosen, isForPrograms, isTerminal: width !== undefined, environment });
}

/** The program with what stands before every command, and no commands yet. */
export function newProgram(shell: Surroundings): Command {
  const output = new Option('-o, --output <form>', 'for people or for programs');
  const colour = new Option('--color <when>', 'auto: on terminals, unless NO_COLOR is set');
  const program = new Command('shoal');
  return program
    .description('Runs services and jobs on a crowd of unlike machines.')
    .version(VERSION)
    .option('--context <name>', 'with these settings (SHOAL_CONTEXT; `shoal context`)')
    .option('--gateway <url>', `where the gateway is (SHOAL_GATEWAY); default ${DEFAULT_GATEWAY}`)
    .option('--tenant <name>', 'whose things are meant (SHOAL_TENANT); default "default"')
    .addOption(output.choices([...outputs, 'wide']).default('table'))
    .addOption(new Option('--json', 'the same as -o json').implies({ output: 'json' }))
    .addOption(colour.choices(colourChoices).default('auto'))
    .exitOverride()
    .configureHelp({
      showGlobalOptions: true,
      styleTitle: (text) => paintOf(program, shell, 'out')('title', text),
    })
    .configureOutput({
      writeOut: (text) => shell.out(text.trimEnd()),
      writeErr: (text) => shell.err(paintedFailure(text.trimEnd(), paintOf(program, shell, 'err'))),
      // What is painted is asked above, for each stream.
      ...{ getOutHasColors: () => true, getErrHasColors: () => true },
    })
    .addHelpText('after', HELP_TAIL);
}

interface Globals {
  readonly context?: string;
  readonly gateway?: string;
  readonly tenant?: string;
  readonly output: Output | 'wide';
  readonly color: ColourChoice;
}

/** What a program needs of the world before a command is known. */
type Surroundings = Pick<Shell, 'out' | 'err' | 'environment'> & {
  readonly terminal: Pick<Shell['terminal'], 'size' | 'errorColumns'>;
};

/** What is typed wins, then what the environment and the context say. Throws UsageFailure. */
function sessionOf(shell: Shell, command: Command): Session {
  const { context, output: form, color: _color, ...typed } = command.optsWithGlobals<Globals>();
  // Who sets, uses or removes contexts must be able to mend a choice that does not exist.
  const isAboutContexts = command.parent?.name() === 'context';
  const environment = isAboutContexts ? shell.environment : inContext(shell.environment, context);
  const gateway = typed.gateway ?? (environment['SHOAL_GATEWAY'] || DEFAULT_GATEWAY);
  const tenant = typed.tenant ?? (environment['SHOAL_TENANT'] || DEFAULT_TENANT);
  if (!tenantName.safeParse(tenant).success) {
    throw new UsageFailure(
      `"${tenant}" is not the name of a tenant; correct SHOAL_TENANT or --tenant`,
    );
  }
  const isWide = form === 'wide';
  const output = isWide ? 'table' : form;
  const program = programOf(command);
  const paintError = paintOf(program, shell, 'err');
  return {
    ...{ ...shell, environment, gateway: new Gateway(gateway, shell.signal), tenant, output },
    ...{ isWide, paint: paintOf(program, shell, 'out'), paintError },
    err: (text) => shell.err(paintedFailure(text, paintError)),
  };
}

/** The program that a command is part of. */
function programOf(command: Command): Command {
  return command.parent ? programOf(command.parent) : command;
}
