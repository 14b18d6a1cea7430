/** Rollouts and versions for people. */
import type { RolloutShape, VersionShape } from '../shapes.ts';
import { type Column, type Fact, pairs, table } from '../table.ts';
import { ago } from './ages.ts';
import type { Paint } from './paint.ts';
import { rolloutTone } from './tones.ts';

/** `progressing: 1 of 3 ready, 2 of other versions; waiting: …`: one line. */
export function rolloutLine(rollout: RolloutShape): string {
  const { state, wanted, ready, outdated, waitsFor } = rollout;
  const left = outdated > 0 ? `, ${outdated} of other versions` : '';
  const wait = waitsFor === undefined ? '' : `; waiting: ${waitsFor}`;
  return `${state}: version ${rollout.version}, ${ready} of ${wanted} ready${left}${wait}`;
}

/** Everything about a rollout. */
export function rolloutText(rollout: RolloutShape, now: number, paint?: Paint): string {
  const { name, strategy, from, wanted, updated, ready, available, outdated, failed } = rollout;
  const kept = rollout.minAvailable === undefined ? '' : `, at least ${rollout.minAvailable}`;
  const surge = rollout.maxSurge === undefined ? '' : `, surge ${rollout.maxSurge}`;
  const facts: readonly Fact[] = [
    ['Service', `${name} (generation ${rollout.generation})`],
    ['Rollout', rollout.state, rolloutTone(rollout.state)],
    ['Strategy', `${strategy}${surge}`],
    ['Version', from === undefined ? rollout.version : `${rollout.version}, before it ${from}`],
    ['Updated', `${updated} of ${wanted}, ${ready} ready; ${outdated} of other versions`],
    ['Available', `${available} of ${wanted}${kept}`],
    ['Waiting', rollout.waitsFor],
    ['Begun', rollout.startedAt && ago(rollout.startedAt, now)],
    ['Deadline', rollout.deadline],
    ['Failed', failed && `${failed.message} (${ago(failed.at, now)})`],
  ];
  return pairs(facts, paint);
}

/** The versions of a service, the one it has first. */
export function versionTable(
  versions: readonly VersionShape[],
  now: number,
  paint?: Paint,
): string {
  const when = (at: string | undefined): string | undefined => at && ago(at, now);
  const columns: readonly Column<VersionShape>[] = [
    { title: 'version', text: (each) => each.version, align: 'right' },
    { title: 'state', text: (each) => each.state },
    { title: 'complete', text: (each) => when(each.completedAt) },
    { title: 'replaced', text: (each) => when(each.replacedAt) },
    { title: 'runs', text: ({ spec }) => runsText(spec) },
  ];
  return table(columns, versions, paint);
}

/** What tells one version from another at a glance: its image, or its command. */
function runsText({ image, command }: VersionShape['spec']): string {
  if (typeof image === 'string') return image;
  const text = Array.isArray(command) ? command.join(' ') : '';
  return text.length > RUNS_CHARACTERS ? `${text.slice(0, RUNS_CHARACTERS - 1)}…` : text;
}

/** More does not fit beside the rest on a line. */
const RUNS_CHARACTERS = 60;
