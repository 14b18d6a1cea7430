/** The commands about recordings of actors, with their arguments and options. */
import { type Command, Option } from 'commander';
import { parseActor, parseRecordingSpan } from '../arguments.ts';
import type { Wiring } from '../command-line.ts';

/** Adds `debug on|off|record|replay`. */
export function addDebugCommands(program: Command, { session, end }: Wiring): void {
  const debug = program
    .command('debug')
    .summary('record what an actor handles and decides, and run it again')
    .description(
      'Asks the bus itself (SHOAL_NATS, SHOAL_SEED). A recording holds what tenants wrote: keep it so.',
    );
  const span = (): Option =>
    new Option('--for <span>', 'how long; at most 10m').argParser(parseRecordingSpan);
  debug
    .command('on')
    .summary('let every copy of an actor tell its steps on shoal.debug.ACTOR for a while')
    .argument('<actor>', 'e.g. scheduler', parseActor)
    .addOption(span().default(60_000, '1m'))
    .action(async (actor: string, options: { readonly for: number }, command: Command) => {
      const { switchDebug } = await import('../commands/debug.ts');
      end(await switchDebug(session(command), actor, options.for));
    });
  debug
    .command('off')
    .summary('end that before its time')
    .argument('<actor>', 'e.g. scheduler', parseActor)
    .action(async (actor: string, _options: object, command: Command) => {
      const { switchDebug } = await import('../commands/debug.ts');
      end(await switchDebug(session(command), actor, 0));
    });
  debug
    .command('record')
    .summary('write what an actor tells into a file, JSON lines')
    .argument('<actor>', 'e.g. scheduler', parseActor)
    .argument('<file>')
    .addOption(span().default(30_000, '30s'))
    .action(
      async (actor: string, file: string, options: { readonly for: number }, command: Command) => {
        const { recordDebug } = await import('../commands/debug.ts');
        end(await recordDebug(session(command), { actor, file, forMs: options.for }));
      },
    );
  debug
    .command('replay')
    .summary('run a file again, offline, and show the first step decided otherwise')
    .argument('<file>')
    .action(async (file: string, _options: object, command: Command) => {
      const { replayDebug } = await import('../commands/debug.ts');
      end(await replayDebug(session(command), file));
    });
}
