/** The manual page `shoal(1)`, from the commands themselves. */
import type { Command } from 'commander';
import { addCommands } from './command-line.ts';
import { HELP_TAIL, newProgram } from './program.ts';

/** Nobody runs what is only read, nor is it shown on a terminal. */
const inert = {
  ...{ out: () => undefined, err: () => undefined, environment: {} },
  terminal: { size: () => undefined, errorColumns: () => undefined },
};

/** Every command of the command line. */
function program(): Command {
  const unused = (): never => {
    throw new Error('a manual page runs nothing');
  };
  const made = newProgram(inert);
  addCommands(made, { shell: unused as never, session: unused, end: unused });
  return made;
}

/** The page, in roff with the `man` macros. */
export function manual(): string {
  const top = program();
  const lines = [
    '.\\" Generated; run `make generate`.',
    '.TH SHOAL 1 "" "Shoal" "User Commands"',
    '.SH NAME',
    `shoal \\- ${roff(top.description().replace(/\.$/, '').toLowerCase())}`,
    '.SH SYNOPSIS',
    '.B shoal',
    '.RI [ options ]',
    '.I command',
    '.RI [ arguments ]',
    '.SH OPTIONS',
    'Before or after every command:',
    ...optionLines(top),
    '.SH COMMANDS',
    ...commandLines(top, []),
    '.SH EXIT STATUS',
    roff(HELP_TAIL.replace(/\s+/g, ' ').replace(/^ Exit codes: /, '')),
    '.SH ENVIRONMENT',
    ...entries([
      ['SHOAL_GATEWAY', 'where the gateway is'],
      ['SHOAL_TENANT', 'whose things are meant'],
      ['SHOAL_CONTEXT', 'which context counts instead of the current one'],
      ['SHOAL_CONTEXTS', 'the file of contexts'],
      ['SHOAL_NATS', 'where the bus is, for the commands that ask it themselves'],
      ['SHOAL_SEED', 'the key file for it'],
      ['VISUAL, EDITOR', 'what edit opens'],
      ['NO_COLOR', 'set to anything: no colours, unless --color asks for them'],
      ['TERM', 'dumb: no colours, and no line that is drawn again'],
    ]),
    '.SH FILES',
    ...entries([['~/.config/shoal/contexts.json', 'contexts; XDG_CONFIG_HOME is heeded']]),
  ];
  return `${lines.join('\n')}\n`;
}

/** The commands of a command, each with those below it. */
function commandLines(of: Command, path: readonly string[]): readonly string[] {
  const shown = of.createHelp().visibleCommands(of);
  return shown
    .filter((each) => each.name() !== 'help')
    .flatMap((each) => {
      const words = [...path, each.name()];
      if (each.commands.length > 0) return commandLines(each, words);
      const usage = each.usage().replace('[options]', '').trim();
      const own = each.options.length > 0 ? optionLines(each) : [];
      return [
        `.SS shoal ${roff([...words, usage].join(' ').trim())}`,
        ...textLines(each),
        ...argumentLines(each),
        ...own,
      ];
    });
}

function textLines(of: Command): readonly string[] {
  const [summary, description] = [of.summary(), of.description()];
  return [summary === '' ? '' : sentence(summary), description]
    .filter((text, index, all) => text !== '' && all.indexOf(text) === index)
    .map(roff);
}

function argumentLines(of: Command): readonly string[] {
  const told = of.registeredArguments.filter((each) => each.description !== '');
  return entries(told.map((each) => [each.name(), each.description]));
}

function optionLines(of: Command): readonly string[] {
  const shown = of.options.filter((each) => !each.hidden);
  return entries(shown.map((each) => [each.flags, each.description]));
}

function entries(of: readonly (readonly [string, string])[]): readonly string[] {
  return of.flatMap(([term, about]) => ['.TP', `.B ${roff(term)}`, roff(sentence(about))]);
}

function sentence(text: string): string {
  const begun = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** Text as roff takes it: no escapes by chance, no line that begins a request. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');
}
