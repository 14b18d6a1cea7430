/** The commands about sites, with their arguments and options. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { durabilityLevels } from '../../subjects/index.ts';
import { parseNumber } from '../arguments.ts';
import type { Wiring } from '../command-line.ts';
import type { InitOptions } from './site.ts';

const FOLDER = [
  '<folder>',
  'where its keys are kept: whoever reads it is let in as anybody',
] as const;

/** Adds `site` with what is below it. */
export function addSiteCommands(program: Command, { session, end }: Wiring): void {
  const site = program
    .command('site')
    .summary('a fabric on machines of their own: keys, server configurations, settings');
  site
    .command('init')
    .summary('make the keys and settings of a new site')
    .description(
      'Writes FOLDER/for/PROGRAM, one folder for each program, to be copied to its machine, mounted into its container or made a secret. Nothing else is touched.',
    )
    .argument(...FOLDER)
    .requiredOption('--server <host[:port]>', 'a nats-server; one, or three', serverIn)
    .option('--controls <n>', 'control planes; default 1, with three servers 2', parseNumber(1, 5))
    .option('--gateways <n>', 'gateways; default 1', parseNumber(0, 5))
    .option('--nodes <names>', 'nodes, with commas between', namesIn, [])
    .addOption(
      new Option('--durability <level>', 'what an acknowledged write survives').choices(
        durabilityLevels,
      ),
    )
    .option(
      '--at <folder>',
      'where the settings will lie on each machine; default /etc/shoal, where units look',
    )
    .option(
      '--state <folder>',
      'where servers and agents keep theirs; default /var/lib/shoal, where units may write',
    )
    .action(async (folder: string, options: InitOptions, command: Command) => {
      const { initSite } = await import('./site.ts');
      end(await initSite(session(command), folder, options));
    });
  for (const [verb, summary] of [
    ['add', 'let nodes in'],
    ['rm', 'let nodes in no more; their keys are gone'],
  ] as const) {
    site
      .command(verb)
      .summary(summary)
      .argument(...FOLDER)
      .argument('<nodes...>')
      .action(async (folder: string, nodes: string[], _options: object, command: Command) => {
        const { changeNodes } = await import('./site.ts');
        end(await changeNodes(session(command), folder, { verb, nodes }));
      });
  }
  for (const [verb, summary] of [
    ['write', 'write everything anew, after site.json was changed'],
    ['show', 'what a site is made of'],
  ] as const) {
    site
      .command(verb)
      .summary(summary)
      .argument(...FOLDER)
      .action(async (folder: string, _options: object, command: Command) => {
        const { rewriteSite, showSite } = await import('./site.ts');
        end(await (verb === 'write' ? rewriteSite : showSite)(session(command), folder));
      });
  }
}

type Server = InitOptions['server'][number];

function serverIn(text: string, before: readonly Server[] = []): readonly Server[] {
  const found = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = found?.[1] ?? found?.[2];
  if (host === undefined) {
    throw new InvalidArgumentError('Expected a host name or an address, e.g. nats-1.example:4222.');
  }
  return [...before, found?.[3] === undefined ? { host } : { host, port: Number(found[3]) }];
}

function namesIn(text: string): readonly string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}
