/**
 * Makes sure that the settings of each fabric a person works with are kept under a name, in one file
 * of theirs. It holds no secrets: of keys only where their files are.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { nearest } from '../../manifests/nearest.ts';
import { UsageFailure } from '../failure.ts';

/** What a context can set, and the variable it stands for. */
export const contextSettings = {
  gateway: 'SHOAL_GATEWAY',
  tenant: 'SHOAL_TENANT',
  nats: 'SHOAL_NATS',
  seed: 'SHOAL_SEED',
} as const;
export type ContextSetting = keyof typeof contextSettings;
export type Context = Readonly<Partial<Record<ContextSetting, string>>>;

/** Names as people can type them. */
export const contextName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);

const setting = z.string().min(1).max(4096).optional();
const bookSchema = z.strictObject({
  current: contextName.optional(),
  contexts: z.record(
    contextName,
    z.strictObject({ gateway: setting, tenant: setting, nats: setting, seed: setting }),
  ),
});
export type Book = z.infer<typeof bookSchema>;

type Environment = Readonly<Record<string, string | undefined>>;

/** SHOAL_CONTEXTS, or where such files belong; undefined: nobody's home is known. */
export function bookFile(environment: Environment): string | undefined {
  const { SHOAL_CONTEXTS: own, XDG_CONFIG_HOME: config, HOME: home } = environment;
  if (own) return own;
  const folder = config || (home ? join(home, '.config') : undefined);
  return folder === undefined ? undefined : join(folder, 'shoal', 'contexts.json');
}

/** The contexts of a file; none when it is not there. Throws UsageFailure for what cannot be read. */
export function readBook(file: string | undefined): Book {
  if (file === undefined) return { contexts: {} };
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { contexts: {} };
    throw unreadable(file, (error as Error).message);
  }
  try {
    return bookSchema.parse(JSON.parse(text));
  } catch {
    throw unreadable(file, 'it is no list of contexts');
  }
}

function unreadable(file: string, why: string): UsageFailure {
  return new UsageFailure(`cannot read the contexts in ${file}: ${why}; correct or remove it`);
}

/** Writes the file anew, whole or not at all; only its owner may read it. */
export function writeBook(file: string | undefined, book: Book): void {
  if (file === undefined) {
    throw new UsageFailure('nowhere to keep contexts; set HOME or SHOAL_CONTEXTS');
  }
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(book, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

/** A context by its name. Throws UsageFailure. */
export function contextIn(book: Book, name: string): Context {
  const found = Object.hasOwn(book.contexts, name) ? book.contexts[name] : undefined;
  if (found) return found as Context;
  const near = nearest(name, Object.keys(book.contexts));
  const hint = near === undefined ? '`shoal context ls` lists them' : `did you mean "${near}"?`;
  throw new UsageFailure(`there is no context "${name}"; ${hint}`);
}

/**
 * The environment with what the context in force sets and the environment does not: the one named on
 * the command line, SHOAL_CONTEXT, or the current one. Named ones win over the environment. Throws
 * UsageFailure.
 */
export function inContext(environment: Environment, named: string | undefined): Environment {
  const file = bookFile(environment);
  const chosen = named ?? (environment['SHOAL_CONTEXT'] || undefined);
  if (file === undefined && chosen === undefined) return environment;
  const book = readBook(file);
  const name = chosen ?? book.current;
  if (name === undefined) return environment;
  const set = Object.entries(contextIn(book, name)).map(([key, value]) => [
    contextSettings[key as ContextSetting],
    value,
  ]);
  const settings = Object.fromEntries(set) as Environment;
  return named === undefined
    ? { ...settings, ...present(environment) }
    : { ...environment, ...settings };
}

/** What is set to something. */
function present(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value));
}
