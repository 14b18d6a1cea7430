/**
 * Makes sure that what a spec would change is judged in one way: by the actor that writes it and
 * by whoever only asks (a dry run).
 */
import type { ReplyOf } from './contract.ts';
import { carriedOver } from './tolerance.ts';
import {
  jobSpec,
  type ServiceSpec,
  serviceSpec,
  type Wanted,
  type Workload,
  type workloadApply,
} from './workload.ts';

export type WorkloadChange = ReplyOf<typeof workloadApply>['change'];

/**
 * What the wanted spec would change. `updated`: what instances run, so they are replaced;
 * `scaled`: their number; `changed`: something about the workload as a whole.
 */
export function changeOf(before: Workload | undefined, wanted: Wanted): WorkloadChange {
  if (!before) return 'created';
  if (before.kind !== wanted.kind) return 'updated';
  if (text(before.spec, isTemplate) !== text(wanted.spec, isTemplate)) return 'updated';
  const isWhole = (name: string): boolean => !isTemplate(name) && name !== 'count';
  const labels = text(before.labels, () => true) === text(wanted.labels, () => true);
  if (!labels || text(before.spec, isWhole) !== text(wanted.spec, isWhole)) return 'changed';
  return before.spec.count === wanted.spec.count ? 'unchanged' : 'scaled';
}

/**
 * What is wanted, with what the workload's spec holds beside it in the words of a newer version:
 * who cannot say a thing does not take it back, and the same manifest again changes nothing.
 */
export function wantedOver(before: Workload | undefined, wanted: Wanted): Wanted {
  if (before?.kind !== wanted.kind) return wanted;
  return wanted.kind === 'service'
    ? { ...wanted, spec: carriedOver(serviceSpec, before.spec, wanted.spec) }
    : { ...wanted, spec: carriedOver(jobSpec, before.spec, wanted.spec) };
}

/** A service's spec with what instances run as it was in another one; the rest stays as it is. */
export function withTemplateOf(spec: ServiceSpec, other: ServiceSpec): ServiceSpec {
  const entries = [
    ...Object.entries(other).filter(([name]) => isTemplate(name)),
    ...Object.entries(spec).filter(([name]) => !isTemplate(name)),
  ];
  return Object.fromEntries(entries) as ServiceSpec;
}

/** Whether two values say the same, in whatever order their keys were written. */
export function isAlike(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object') return false;
  if (one === null || other === null) return false;
  if (Array.isArray(one)) {
    return (
      Array.isArray(other) &&
      one.length === other.length &&
      one.every((each, index) => isAlike(each, other[index]))
    );
  }
  if (Array.isArray(other)) return false;
  // A field that is undefined says nothing.
  return (
    Object.entries(other).every(([name, each]) => isAlike(saidBy(one, name), each)) &&
    Object.entries(one).every(
      ([name, each]) => each === undefined || saidBy(other, name) !== undefined,
    )
  );
}

/** A name may be one that every object knows, such as `constructor`. */
function saidBy(of: object, name: string): unknown {
  return Object.hasOwn(of, name) ? (of as Readonly<Record<string, unknown>>)[name] : undefined;
}

/** Fields of a spec that concern the workload, not what its instances run. */
const ABOUT_THE_WHOLE = new Set([
  ...['count', 'ingress', 'priority', 'priorityValue', 'retries', 'deadline', 'update'],
]);

function isTemplate(name: string): boolean {
  return !ABOUT_THE_WHOLE.has(name);
}

/** Some fields of an object as text, in one order whatever order they were written in. */
function text(of: object, isWanted: (name: string) => boolean): string {
  const fields = Object.entries(of).filter(([name]) => isWanted(name));
  return JSON.stringify(sorted(Object.fromEntries(fields)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([name, each]) => [name, sorted(each)]));
}
