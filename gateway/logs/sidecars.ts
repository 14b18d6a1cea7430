/** Makes sure that a mistyped name of a sidecar is told, and not taken for one that is silent. */
import { type Refusal, refusal } from '../../subjects/index.ts';
import type { Known } from '../known.ts';

/** Why a workload has nothing to say of a sidecar; undefined: one of its versions, or instances, has it. */
export function noSuchSidecar(
  known: Pick<Known, 'workloads' | 'revisions' | 'seeAll'>,
  { tenant, workload }: { readonly tenant: string; readonly workload: string },
  sidecar: string,
): Refusal | undefined {
  const versions = [...known.revisions.by('workload', `${tenant}.${workload}`)];
  const specs = [
    known.workloads.get({ tenant, workload })?.spec,
    ...versions.map(({ value }) => value.spec),
  ];
  const seen = known.seeAll(tenant, workload).flatMap(({ observed }) => observed?.sidecars ?? []);
  const names = new Set([...specs.flatMap((spec) => spec?.sidecars ?? []), ...seen].map(nameOf));
  if (names.has(sidecar)) return undefined;
  const there = names.size === 0 ? 'none' : [...names].join(', ');
  return refusal('sidecar-not-found', `${workload} has no sidecar ${sidecar}; there is ${there}`);
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}
