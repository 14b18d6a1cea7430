/**
 * Makes sure that somebody who watches sees what there is, then each thing that changes, comes or goes,
 * until Ctrl-C. A gateway that is away for a while is waited for: what changed meanwhile is told then.
 */
import { stringify } from 'yaml';
import { RefusedFailure, UnreachableFailure } from './failure.ts';
import type { Session } from './shell.ts';
import type { Layout } from './table.ts';

/** How often is looked, in milliseconds: what is over sooner is not seen. */
const LOOK_MS = 1_000;

/** What there is of something, and how it is told. */
export interface Watched<T> {
  /** What people are told where there are none yet. */
  readonly empty: string;
  /** All of it now. */
  read(): Promise<readonly T[]>;
  nameOf(item: T): string;
  /** What is shown of one that is no more. */
  gone(item: T): T;
  /** Rows, the first time with their titles. `now`: what ages count from. */
  show(items: readonly T[], layout: Layout, now: number): string;
}

type Change = 'there' | 'changed' | 'gone';

/** Never resolves: it ends by Ctrl-C, or by a failure that trying again does not mend. */
export async function watch<T>(session: Session, of: Watched<T>): Promise<never> {
  const layout: Layout = { widths: new Map() };
  const began = session.now();
  const tell = (change: Change, items: readonly T[]): void => {
    if (items.length > 0) session.out(toldOf(session, change, items, { of, layout }));
  };
  /** What was told of each. Ages count from the beginning: that somebody gets older is no change. */
  const told = new Map<string, { readonly item: T; readonly text: string }>();
  const textOf = (item: T): string =>
    session.output === 'table'
      ? of.show([item], { titles: [...(layout.titles ?? [])], widths: new Map() }, began)
      : JSON.stringify(item);
  let items = await of.read();
  if (items.length === 0 && session.output === 'table') session.err(of.empty);
  for (let change: Change = 'there'; ; change = 'changed') {
    const changed = items.filter((item) => told.get(of.nameOf(item))?.text !== textOf(item));
    const names = new Set(items.map(of.nameOf));
    const gone = [...told].filter(([name]) => !names.has(name));
    tell(change, changed);
    tell(
      'gone',
      gone.map(([, { item }]) => (session.output === 'table' ? of.gone(item) : item)),
    );
    for (const [name] of gone) told.delete(name);
    // All of them: what a row looks like may have to do with the columns that it has by now.
    for (const item of items) told.set(of.nameOf(item), { item, text: textOf(item) });
    items = await next(session, of);
  }
}

/** The next that is seen. */
async function next<T>(session: Session, { read }: Watched<T>): Promise<readonly T[]> {
  for (let isLost = false; ; ) {
    await session.pause(LOOK_MS);
    session.signal.throwIfAborted();
    try {
      const items = await read();
      if (isLost) session.err('connected again');
      return items;
    } catch (error) {
      const isPassing =
        error instanceof UnreachableFailure ||
        (error instanceof RefusedFailure && error.refusal.retry === 'later');
      session.signal.throwIfAborted();
      if (!isPassing) throw error;
      if (!isLost) session.err('connection lost, trying again');
      isLost = true;
    }
  }
}

function toldOf<T>(
  session: Session,
  change: Change,
  items: readonly T[],
  { of, layout }: { readonly of: Watched<T>; readonly layout: Layout },
): string {
  switch (session.output) {
    case 'json':
      return items.map((item) => JSON.stringify({ change, item })).join('\n');
    case 'yaml':
      return items
        .map((item) => `---\n${stringify({ change, item }, { lineWidth: 0 }).trimEnd()}`)
        .join('\n');
    case 'table':
      return of.show(items, layout, session.now());
  }
}
