/** Schedules for people. */
import { stringify } from 'yaml';
import type { EventShape, ScheduleShape } from '../shapes.ts';
import { type Column, type Fact, type Fit, pairs, table } from '../table.ts';
import { age, ago } from './ages.ts';
import { eventTable } from './events.ts';
import { type Paint, plainly } from './paint.ts';
import { labelText, section } from './sections.ts';
import { scheduleTone } from './tones.ts';

export function scheduleTable(
  schedules: readonly ScheduleShape[],
  now: number,
  paint?: Paint,
  fit?: Fit,
): string {
  const columns: readonly Column<ScheduleShape>[] = [
    { title: 'name', text: (each) => each.name },
    { title: 'when', text: whenText },
    { title: 'state', text: (each) => each.state, tone: ({ state }) => scheduleTone(state) },
    { title: 'next', text: (each) => each.next, goes: 1 },
    { title: 'runs', text: (each) => each.runs.length, align: 'right', goes: 2 },
    { title: 'last', text: lastText, goes: 4 },
    { title: 'age', text: (each) => age(each.createdAt, now), goes: 3 },
    { title: 'generation', text: (each) => each.generation, align: 'right', isWide: true },
    { title: 'labels', text: ({ labels }) => labelText(labels), isWide: true },
  ];
  return table(columns, schedules, paint, fit);
}

/** `at 2027-01-31T08:00:00Z`, `every 30s`, `0 3 * * * (Europe/Berlin)` */
function whenText({ spec: { when } }: ScheduleShape): string {
  if (when.at !== undefined) return `at ${when.at}`;
  if (when.every !== undefined) return `every ${when.every}`;
  return when.timeZone === undefined ? `${when.cron}` : `${when.cron} (${when.timeZone})`;
}

function lastText({ history: [newest] }: ScheduleShape): string | undefined {
  return newest && `${newest.result}: ${newest.message}`;
}

export function scheduleText(
  schedule: ScheduleShape,
  of: {
    readonly events: readonly EventShape[];
    readonly now: number;
    readonly paint?: Paint;
  },
): string {
  const { now, paint = plainly } = of;
  const { last, history, runs } = schedule;
  const facts: readonly Fact[] = [
    ['Schedule', `${schedule.name} (of tenant ${schedule.tenant})`],
    ['When', whenText(schedule)],
    ['State', schedule.state, scheduleTone(schedule.state)],
    ['Next', schedule.next],
    ['Under way', runs.length === 0 ? 'nothing' : runs.join(', ')],
    ['Generation', schedule.generation],
    ['Created', `${ago(schedule.createdAt, now)} (${schedule.createdAt})`],
    ['Labels', labelText(schedule.labels)],
    ['Last', `${last.verb}: ${last.message} (${ago(last.at, now)})`],
  ];
  const columns: readonly Column<(typeof history)[number]>[] = [
    { title: 'firing', text: (each) => each.firing },
    { title: 'result', text: (each) => each.result },
    { title: 'workload', text: (each) => each.workload },
    { title: 'message', text: (each) => each.message },
  ];
  const firings = history.length === 0 ? 'none yet' : table(columns, history, paint);
  const events =
    of.events.length === 0 ? 'none in the last day' : eventTable(of.events, now, paint);
  const spec = stringify(schedule.spec, { lineWidth: 100 }).trimEnd();
  return [
    pairs(facts, paint),
    section('Spec', spec, paint),
    section('Firings', firings, paint),
    section('Events', events, paint),
  ].join('\n\n');
}
