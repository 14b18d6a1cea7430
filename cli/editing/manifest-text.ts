/**
 * Makes sure that what is stored and what a manifest wants are told in the same words: as YAML that
 * can be applied as it is, defaults filled in.
 */
import { stringify } from 'yaml';
import { MANIFEST_VERSION, type ManifestNoun, manifestNoun } from '../../subjects/index.ts';
import { UsageFailure } from '../failure.ts';
import type { Noun } from '../nouns.ts';
import { manifestPath } from '../paths.ts';
import type { PoolShape, ScheduleShape, WorkloadShape } from '../shapes.ts';
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
  of: { readonly kind: string; readonly tenant: string; readonly name: string },
): Promise<Stored> {
  const { tenant, name } = of;
  const path = manifestPath(of.kind, name);
  const found = await gateway.read<WorkloadShape | ScheduleShape | PoolShape>(path, { tenant });
  const { labels, spec, generation } = found;
  const kind = 'kind' in found ? found.kind : manifestNoun(of.kind);
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

/** A noun that manifests name; throws UsageFailure for others. */
export function editable(noun: Noun): ManifestNoun {
  if (noun === 'workload' || noun === 'schedule' || noun === 'pool') return noun;
  throw new UsageFailure(`no manifest names a ${noun}; give a workload, a schedule or a pool`);
}
