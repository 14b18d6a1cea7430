/** Events for people: a table of those there were, and a line for each that comes. */
import type { EventShape } from '../shapes.ts';
import { type Column, oneLine, table } from '../table.ts';
import { age, clockTime } from './ages.ts';
import { type Paint, plainly } from './paint.ts';
import { verbTone } from './tones.ts';

export function eventTable(events: readonly EventShape[], now: number, paint?: Paint): string {
  const columns: readonly Column<EventShape>[] = [
    { title: 'age', text: (each) => age(each.at, now) },
    { title: 'what', text: (each) => each.noun },
    { title: 'name', text: (each) => each.id },
    { title: 'verb', text: (each) => each.verb, tone: ({ verb }) => verbTone(verb) },
    { title: 'message', text: (each) => each.message },
  ];
  return table(columns, events, paint);
}

/** One line of `events -w`: the columns are wide enough for most names. */
export function eventLine(
  { at, noun, id, verb, message }: EventShape,
  paint: Paint = plainly,
): string {
  const before = oneLine([clockTime(at), noun.padEnd(8), id.padEnd(20)].join('  '));
  const space = ' '.repeat(Math.max(0, VERB_COLUMNS - verb.length));
  const after = oneLine(`${space}  ${message}`).trimEnd();
  return `${before}  ${paint(verbTone(verb), oneLine(verb))}${after}`;
}

/** Wide enough for most verbs. */
const VERB_COLUMNS = 12;
