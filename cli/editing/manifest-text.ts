/**
 * Makes sure that what is stored and what a manifest wants are told in the same words: as YAML that
 * can be applied as it is, defaults filled in.
 */
import { stringify } from 'yaml';
import { MANIFEST_VERSION } from '../../subjects/index.ts';
import { UsageFailure } from '../failure.ts';
import type { Noun } from '../nouns.ts';
import { schedulePath, workloadPath } from '../paths.ts';
import type { ScheduleShape, WorkloadShape } from '../shapes.ts';
import type { Session } from '../shell.ts';

/** Something stored that manifests can name, as a manifest would want it. */
export interface Stored extends Wanted {
  readonly generation: number;
}

/** What a manifest says, but for its version. */
interface Wanted {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly tenant: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec: unknown;
}

/** The manifest of something stored. Throws RefusedFailure when it is not there. */
export async function readStored(
  { gateway }: Session,
  of: { readonly isSchedule: boolean; readonly tenant: string; readonly name: string },
): Promise<Stored> {
  const { isSchedule, tenant, name } = of;
  const path = isSchedule ? schedulePath(name) : workloadPath(name);
  const found = await gateway.read<WorkloadShape | ScheduleShape>(path, { tenant });
  const { labels, spec, generation } = found;
  const kind = 'kind' in found ? found.kind : 'schedule';
  return { generation, kind, metadata: { name, tenant, labels }, spec };
}

/** A manifest's text, its keys as they came, or sorted: so two of them are compared. */
export function manifestText(
  { kind, metadata, spec }: Wanted,
  order: 'as it is' | 'sorted' = 'as it is',
): string {
  const { name, tenant, labels } = metadata;
  const shown = { name, tenant, ...(Object.keys(labels).length > 0 ? { labels } : {}) };
  const all = { apiVersion: MANIFEST_VERSION, kind, metadata: shown, spec };
  return stringify(all, { lineWidth: 0, sortMapEntries: order === 'sorted' });
}

/** Whether a noun is a schedule; throws UsageFailure for what no manifest names. */
export function isScheduleOf(noun: Noun): boolean {
  if (noun === 'workload' || noun === 'schedule') return noun === 'schedule';
  throw new UsageFailure(`no manifest names a ${noun}; give a workload or a schedule`);
}
