/** Makes sure that a command line is run to its end, told, and turned into an exit code. */
import { Command, CommanderError, Option } from 'commander';
import { VERSION } from '../actors/runtime/version.ts';
import { DEFAULT_TENANT, tenantName } from '../subjects/index.ts';
import { addCommands } from './command-line.ts';
import { inContext } from './contexts/book.ts';
import { exitCodes } from './exit-codes.ts';
import { Failure, UsageFailure } from './failure.ts';
import { DEFAULT_GATEWAY, Gateway } from './gateway-client.ts';
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
      return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    }
    if (!(error instanceof Failure)) throw error;
    shell.err(error.message);
    return error.exitCode;
  }
}

/** The program with what stands before every command, and no commands yet. */
export function newProgram(shell: Pick<Shell, 'out' | 'err'>): Command {
  const output = new Option('-o, --output <form>', 'for people or for programs');
  return new Command('shoal')
    .description('Runs services and jobs on a crowd of unlike machines.')
    .version(VERSION)
    .option('--context <name>', 'with these settings (SHOAL_CONTEXT; `shoal context`)')
    .option('--gateway <url>', `where the gateway is (SHOAL_GATEWAY); default ${DEFAULT_GATEWAY}`)
    .option('--tenant <name>', 'whose things are meant (SHOAL_TENANT); default "default"')
    .addOption(output.choices(outputs).default('table'))
    .addOption(new Option('--json', 'the same as -o json').implies({ output: 'json' }))
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => shell.out(text.trimEnd()),
      writeErr: (text) => shell.err(text.trimEnd()),
    })
    .addHelpText('after', HELP_TAIL);
}

interface Globals {
  readonly context?: string;
  readonly gateway?: string;
  readonly tenant?: string;
  readonly output: Output;
}

/** What is typed wins, then what the environment and the context say. Throws UsageFailure. */
function sessionOf(shell: Shell, command: Command): Session {
  const { context, output, ...typed } = command.optsWithGlobals<Globals>();
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
  return { ...shell, environment, gateway: new Gateway(gateway, shell.signal), tenant, output };
}
