/**
 * Makes sure that what is stored and what a manifest wants are told in the same words: as YAML that
 * can be applied as it is, keys in one order, defaults filled in.
 */
import { stringify } from 'yaml';
import { MANIFEST_VERSION, type Manifest } from '../../subjects/index.ts';
import { UsageFailure } from '../failure.ts';
import type { Noun } from '../nouns.ts';
import { schedulePath, workloadPath } from '../paths.ts';
import type { ScheduleShape, WorkloadShape } from '../shapes.ts';
import type { Session } from '../shell.ts';

/** Something stored that manifests can name. */
export interface Stored {
  readonly generation: number;
  readonly text: string;
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
  return { generation, text: textOf({ kind, metadata: { name, tenant, labels }, spec }) };
}

/** A manifest's text. */
export function manifestText(manifest: Manifest): string {
  const { kind, metadata, spec } = manifest;
  return textOf({ kind, metadata, spec });
}

function textOf(of: {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly tenant: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec: unknown;
}): string {
  const { name, tenant, labels } = of.metadata;
  const metadata = { name, tenant, ...(Object.keys(labels).length > 0 ? { labels } : {}) };
  const whole = { apiVersion: MANIFEST_VERSION, kind: of.kind, metadata };
  const spec = stringify({ spec: of.spec }, { lineWidth: 0, sortMapEntries: true });
  return `${stringify(whole, { lineWidth: 0 })}${spec}`;
}

/** Whether a noun is a schedule; throws UsageFailure for what no manifest names. */
export function isScheduleOf(noun: Noun): boolean {
  if (noun === 'workload' || noun === 'schedule') return noun === 'schedule';
  throw new UsageFailure(`no manifest names a ${noun}; give a workload or a schedule`);
}
