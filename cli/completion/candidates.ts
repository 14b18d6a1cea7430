/**
 * Makes sure that what may come next on a command line is told from the commands themselves: a
 * command that is added is completed without another word.
 */
import type { Argument, Command, Option } from 'commander';

/** What stands at a place of a command line. */
export type Place =
  /** One of these texts, each with what it is. */
  | { readonly kind: 'texts'; readonly texts: readonly Candidate[] }
  /** A thing's name: `noun` is what the words before say, or undefined for a workload or instance. */
  | { readonly kind: 'name'; readonly noun: string | undefined }
  | { readonly kind: 'file' }
  | { readonly kind: 'anything' };

export interface Candidate {
  readonly text: string;
  readonly about: string;
}

/** Options after which a name comes, with what it is the name of. */
const NAMED_OPTIONS: Readonly<Record<string, string>> = {
  '--workload': 'workload',
  '--instance': 'instance',
  '--node': 'node',
  '--context': 'context',
  '--pool': 'pool',
};

/** Commands of one thing whose argument does not say which. */
const NAMED_COMMANDS: Readonly<Record<string, string>> = {
  scale: 'workload',
  rollout: 'workload',
  replay: 'workload',
  explain: 'workload',
  node: 'node',
  schedule: 'schedule',
  pool: 'pool',
  context: 'context',
};

/** Arguments that say by their own name what they are the name of. */
const NAMED_ARGUMENTS: Readonly<Record<string, string>> = {
  pool: 'pool',
  claim: 'claim',
  claims: 'claim',
};

const anything: Place = { kind: 'anything' };

/** What may stand where the last of these words is begun. */
export function placeAt(program: Command, words: readonly string[]): Place {
  const begun = words.at(-1) ?? '';
  let command = program;
  const path: string[] = [];
  const given: string[] = [];
  let awaiting: Option | undefined;
  for (const word of words.slice(0, -1)) {
    if (awaiting) {
      awaiting = undefined;
      continue;
    }
    if (word.startsWith('-')) {
      awaiting = word.includes('=') ? undefined : takesValue(command, word);
      continue;
    }
    const next = given.length === 0 ? commandIn(command, word) : undefined;
    if (next) {
      command = next;
      path.push(word);
    } else given.push(word);
  }
  if (awaiting) return valuesOf(awaiting);
  if (begun.startsWith('-')) return { kind: 'texts', texts: optionsOf(command) };
  if (command.commands.length > 0) return { kind: 'texts', texts: commandsOf(command) };
  return argumentAt(command, path, given);
}

function commandIn(command: Command, word: string): Command | undefined {
  return command.commands.find((each) => each.name() === word);
}

/** Options of a command and of those it is part of. */
function known(command: Command): readonly Option[] {
  const own = command.options;
  return command.parent ? [...own, ...known(command.parent)] : own;
}

function takesValue(command: Command, word: string): Option | undefined {
  const option = known(command).find((each) => each.short === word || each.long === word);
  return option?.required ? option : undefined;
}

function valuesOf(option: Option): Place {
  if (option.argChoices) return textsOf(option.argChoices);
  const noun = NAMED_OPTIONS[option.long ?? ''];
  if (noun !== undefined) return { kind: 'name', noun };
  return option.long === '--file' ? { kind: 'file' } : anything;
}

function optionsOf(command: Command): readonly Candidate[] {
  const all = known(command).filter((each) => !each.hidden);
  return all.flatMap(({ long, description }) =>
    long === undefined ? [] : [{ text: long, about: description }],
  );
}

function commandsOf(command: Command): readonly Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((each) => ({ text: each.name(), about: each.summary() || each.description() }));
}

function argumentAt(command: Command, path: readonly string[], given: readonly string[]): Place {
  const all = command.registeredArguments;
  const argument: Argument | undefined = all[given.length] ?? variadic(all);
  if (!argument) return anything;
  if (argument.argChoices) return textsOf(argument.argChoices);
  if (argument.name() === 'what') return textsOf(nounsIn(argument.description));
  const own = NAMED_ARGUMENTS[argument.name()];
  if (own !== undefined) return { kind: 'name', noun: own };
  if (!['name', 'names'].includes(argument.name())) return anything;
  const isAfterWhat = all[0]?.name() === 'what';
  return { kind: 'name', noun: isAfterWhat ? given[0] : NAMED_COMMANDS[path[0] ?? ''] };
}

function variadic(all: readonly Argument[]): Argument | undefined {
  const last = all.at(-1);
  return last?.variadic ? last : undefined;
}

/** The nouns a description lists: `workloads (wl), instances (inst) or nodes (no)`. */
function nounsIn(description: string): readonly string[] {
  return description
    .replace(/\([^)]*\)/g, '')
    .split(/,|\bor\b/)
    .map((each) => each.trim())
    .filter((each) => /^[a-z]+$/.test(each));
}

function textsOf(texts: readonly string[]): Place {
  return { kind: 'texts', texts: texts.map((text) => ({ text, about: '' })) };
}
