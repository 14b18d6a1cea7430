/** Makes sure that programs get the API's shapes as they are, and people a text. */
import { stringify } from 'yaml';
import type { Paint } from './present/paint.ts';
import type { Session } from './shell.ts';

/** Prints a value in the form that was asked for; `text` is made only for people. */
export function print(session: Session, value: unknown, text: (paint: Paint) => string): void {
  switch (session.output) {
    case 'json':
      session.out(JSON.stringify(value, null, 2));
      break;
    case 'yaml':
      session.out(stringify(value, { lineWidth: 0 }).trimEnd());
      break;
    case 'table':
      session.out(text(session.paint));
  }
}
