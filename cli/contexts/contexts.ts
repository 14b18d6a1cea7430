/** `shoal context`: names for the fabrics a person works with. */
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { UsageFailure } from '../failure.ts';
import type { Paint } from '../present/paint.ts';
import { print } from '../printed.ts';
import type { Session } from '../shell.ts';
import { table } from '../table.ts';
import {
  type Book,
  bookFile,
  type Context,
  contextIn,
  contextName,
  readBook,
  writeBook,
} from './book.ts';

interface Listed extends Context {
  readonly name: string;
  readonly isCurrent: boolean;
}

export function listContexts(session: Session): ExitCode {
  const { book } = open(session);
  const items = Object.entries(book.contexts)
    .map(([name, context]) => ({ name, isCurrent: name === book.current, ...context }) as Listed)
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  if (items.length === 0 && session.output === 'table') {
    session.err('no contexts; `shoal context set NAME --gateway URL` makes one');
  } else print(session, { items }, (paint) => contextTable(items, paint));
  return exitCodes.ok;
}

function contextTable(items: readonly Listed[], paint: Paint): string {
  return table<Listed>(
    [
      { title: 'name', text: ({ name, isCurrent }) => `${isCurrent ? '* ' : '  '}${name}` },
      { title: 'gateway', text: ({ gateway }) => gateway },
      { title: 'tenant', text: ({ tenant }) => tenant },
      { title: 'nats', text: ({ nats }) => nats },
      { title: 'seed', text: ({ seed }) => seed },
    ],
    items,
    paint,
  );
}

/** Makes a context or changes what is given of it; the first one is current at once. */
export function setContext(session: Session, name: string, given: Context): ExitCode {
  if (!contextName.safeParse(name).success) {
    throw new UsageFailure(`"${name}" is no name of a context: letters, digits, dots, - and _`);
  }
  if (Object.keys(given).length === 0) {
    throw new UsageFailure('give at least one of --gateway, --tenant, --nats and --seed');
  }
  const { file, book } = open(session);
  const before = book.contexts[name];
  const contexts = { ...book.contexts, [name]: { ...before, ...given } };
  const current = book.current ?? name;
  writeBook(file, { current, contexts });
  const what = before ? 'changed' : 'made';
  print(session, { name, isCurrent: current === name, ...contexts[name] }, () =>
    current === name ? `context ${name} ${what}; it is the current one` : `context ${name} ${what}`,
  );
  return exitCodes.ok;
}

/** Makes a context the current one. */
export function useContext(session: Session, name: string): ExitCode {
  const { file, book } = open(session);
  const context = contextIn(book, name);
  writeBook(file, { ...book, current: name });
  print(session, { name, isCurrent: true, ...context }, () => `context ${name} is the current one`);
  return exitCodes.ok;
}

/** Forgets a context; was it the current one, none is. */
export function removeContext(session: Session, name: string): ExitCode {
  const { file, book } = open(session);
  contextIn(book, name);
  const { [name]: _gone, ...contexts } = book.contexts;
  const isCurrent = book.current === name;
  writeBook(file, { ...(isCurrent || !book.current ? {} : { current: book.current }), contexts });
  print(session, { name, isCurrent: false }, () =>
    isCurrent ? `context ${name} removed; none is current` : `context ${name} removed`,
  );
  return exitCodes.ok;
}

function open(session: Session): { readonly file: string | undefined; readonly book: Book } {
  const file = bookFile(session.environment);
  return { file, book: readBook(file) };
}
