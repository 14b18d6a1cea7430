/** The commands about pools and claims, with their arguments and options. */
import type { Command } from 'commander';
import { parseKey, parseLabel, parseMore, parseSpanText, waitOption } from '../arguments.ts';
import type { Wiring } from '../command-line.ts';
import type { ClaimOptions } from '../commands/claims.ts';

export function addPoolCommands(program: Command, wiring: Wiring): void {
  addPools(program, wiring);
  addClaims(program, wiring);
}

function addPools(program: Command, { session, end }: Wiring): void {
  const pool = program.command('pool').summary('pools of warm instances: list, describe, purge');
  const lists = [
    ['ls', 'list pools with how many slots are in which state', false],
    ['watch', 'the same, then each change as it is seen, until Ctrl-C', true],
  ] as const;
  for (const [name, summary, watch] of lists) {
    pool
      .command(name)
      .summary(summary)
      .argument('[name]', 'only this one')
      .action(async (only: string | undefined, _options: object, command: Command) => {
        const { get } = await import('../commands/get.ts');
        end(await get(session(command), 'pool', only, { watch }));
      });
  }
  pool
    .command('describe')
    .summary('everything about a pool, with its claims')
    .argument('<name>')
    .action(async (name: string, _options: object, command: Command) => {
      const { describe } = await import('../commands/describe.ts');
      end(await describe(session(command), 'pool', name));
    });
  pool
    .command('purge')
    .summary('replace every slot that nobody has')
    .description('At once: none of them is handed out any more. Claims go on.')
    .argument('<name>')
    .action(async (name: string, _options: object, command: Command) => {
      const { purge } = await import('../commands/claims.ts');
      end(await purge(session(command), name));
    });
}

function addClaims(program: Command, { session, end }: Wiring): void {
  program
    .command('claim')
    .summary('have a slot of a pool, for a time')
    .description(
      'Tells where it takes calls. Where none is ready it ends with 1, or waits in line with --wait, and\nwith 4 if that was not long enough. With --file or --exec the slot is given that before it is yours;\none that takes it badly is replaced.',
    )
    .argument('<pool>')
    .argument('[command...]', 'after --exec --: the program to run in the slot, and its arguments')
    .option('--ttl <span>', 'for so long; default: as the pool says', parseSpanText)
    .option('--by <text>', 'who it is for, in your own words')
    .option('--node-label <key=value>', 'on a node with this label; may be repeated', parseLabel)
    .option('--architecture <name>', 'on a node of this architecture: x64, arm64')
    .option('--key <text>', 'asked again by the same, it is the same claim', parseKey)
    .option(
      '--exec',
      'run the command after -- in the slot, before it is yours; it must exit with 0',
    )
    .option('--env <name=value>', 'a variable of that command; may be repeated', parseMore)
    .option('--file <local:path>', 'put this file into the slot; may be repeated', parseMore)
    .option('--exec-timeout <span>', 'how long the command may take; default: 10s', parseSpanText)
    .addOption(waitOption('it is your turn'))
    .action(async (pool: string, words: string[], options: ClaimOptions, command: Command) => {
      const { claim } = await import('../commands/claims.ts');
      end(await claim(session(command), pool, words, options));
    });
  program
    .command('claims')
    .summary('list the claims that are held')
    .option('--pool <name>', 'only of this pool')
    .action(async (options: { readonly pool?: string }, command: Command) => {
      const { listClaims } = await import('../commands/claims.ts');
      end(await listClaims(session(command), options));
    });
  program
    .command('extend')
    .summary('let a claim end later')
    .argument('<claim>', 'as `shoal claims` shows it')
    .argument('<span>', 'how much later: 10m', parseSpanText)
    .action(async (id: string, by: string, _options: object, command: Command) => {
      const { extendClaim } = await import('../commands/claims.ts');
      end(await extendClaim(session(command), id, by));
    });
  program
    .command('release')
    .summary('give claims back before their time is up')
    .argument('<claims...>', 'as `shoal claims` shows them')
    .action(async (ids: string[], _options: object, command: Command) => {
      const { release } = await import('../commands/claims.ts');
      end(await release(session(command), ids));
    });
}
