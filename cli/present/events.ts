/** Events for people: a table of those there were, and a line for each that comes. */
import type { EventShape } from '../shapes.ts';
import { type Column, oneLine, table } from '../table.ts';
import { age, clockTime } from './ages.ts';

export function eventTable(events: readonly EventShape[], now: number): string {
  const columns: readonly Column<EventShape>[] = [
    { title: 'age', text: (each) => age(each.at, now) },
    { title: 'what', text: (each) => each.noun },
    { title: 'name', text: (each) => each.id },
    { title: 'verb', text: (each) => each.verb },
    { title: 'message', text: (each) => each.message },
  ];
  return table(columns, events);
}

/** One line of `events -w`: the columns are wide enough for most names. */
export function eventLine({ at, noun, id, verb, message }: EventShape): string {
  const columns = [clockTime(at), noun.padEnd(8), id.padEnd(20), verb.padEnd(12), message];
  return oneLine(columns.join('  ')).trimEnd();
}
