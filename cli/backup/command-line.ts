/** The commands about backups, with their arguments and options. */
import { type Command, Option } from 'commander';
import type { Wiring } from '../command-line.ts';

/** Adds `backup`, `backup verify` and `restore`. */
export function addBackupCommands(program: Command, { session, end }: Wiring): void {
  const all = program
    .command('backup')
    .summary('the whole state in one file')
    .description('Asks the bus itself (SHOAL_NATS, SHOAL_SEED), not the gateway. Disturbs nothing.')
    .argument('<file>', 'where to')
    .option('--force', 'replace a file that is there')
    .action(async (file: string, options: { readonly force?: boolean }, command: Command) => {
      const { backup } = await import('../commands/backup.ts');
      end(await backup(session(command), file, options));
    });
  all
    .command('verify')
    .summary('whether a backup is whole; needs no bus')
    .argument('<file>')
    .action(async (file: string, _options: object, command: Command) => {
      const { verify } = await import('../commands/backup.ts');
      end(await verify(session(command), file));
    });
  program
    .command('restore')
    .summary('a backup into a nats-server that has no streams yet')
    .description(
      "Asks the bus itself (SHOAL_NATS; SHOAL_SEED: a control plane's key). Nothing else may run on it.",
    )
    .argument('<file>', 'a backup')
    .option('--as <copy>', 'whose key SHOAL_SEED is', 'control')
    .addOption(
      new Option('--replicas <n>', 'copies of each stream: 3 on three servers')
        .choices(['1', '3'])
        .default('1'),
    )
    .action(
      async (
        file: string,
        options: { readonly as: string; readonly replicas: '1' | '3' },
        command: Command,
      ) => {
        const { restore } = await import('../commands/restore.ts');
        const replicas = options.replicas === '3' ? 3 : 1;
        end(await restore(session(command), file, { as: options.as, replicas }));
      },
    );
}
