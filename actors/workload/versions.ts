/**
 * Makes sure that a service can go back to what it was: whatever another version replaces is
 * written down in the same transaction, with whether it ever was complete.
 *
 * A version is known by its template generation. Going back makes a new generation of the workload
 * with the template generation of old, so instances that still run of it are neither replaced nor
 * restarted.
 */
import {
  isComplete,
  REVISIONS_KEPT,
  type Revision,
  type Rollout,
  revisionRecord,
  type ServiceSpec,
  type Workload,
  withTemplateOf,
  workloadRecord,
} from '../../subjects/index.ts';
import { type Put, put, remove } from '../runtime/effect.ts';
import { membersOf } from './members.ts';
import { routePuts } from './routes.ts';
import type { Ctx } from './state.ts';

export type Service = Workload & { readonly kind: 'service' };

/** What is written of the version that another one replaces. */
export interface Left {
  readonly put: Put;
  /** The version to go back to if the other one fails: this one, or the one it had not replaced. */
  readonly from: number;
}

/** Leaves the version a service has. */
export function leave(service: Service, context: Ctx): Left {
  const { templateGeneration, rollout } = service;
  const completedAt = completedAtOf(service, context);
  const revision: Revision = {
    ...revisionOf(service),
    ...(completedAt === undefined ? {} : { completedAt }),
    replacedAt: context.now,
  };
  const from = completedAt === undefined ? rollout?.from : undefined;
  return {
    put: put(revisionRecord, tokensOf(revision), revision),
    from: from ?? templateGeneration,
  };
}

/** When the version a service has was complete; undefined: it never was, as far as is known. */
export function completedAtOf(service: Service, context: Ctx): number | undefined {
  const known = revisionAt(service, service.templateGeneration, context);
  if (known?.completedAt !== undefined) return known.completedAt;
  const isNow = service.spec.count > 0 && isComplete(service, membersOf(service, context));
  return isNow ? context.now : undefined;
}

/** Notes that the version a service has is complete. */
export function completed(service: Service, context: Ctx): Put {
  const known = revisionAt(service, service.templateGeneration, context);
  const revision = { ...(known ?? revisionOf(service)), completedAt: context.now };
  return put(revisionRecord, tokensOf(revision), revision);
}

/** One version of a service's own, not of an earlier one of its name. */
export function revisionAt(
  service: Workload,
  generation: number,
  context: Ctx,
): Revision | undefined {
  const { tenant, name, createdAt } = service;
  const tokens = { tenant, workload: name, generation: String(generation) };
  const found = context.views.revisions.get(tokens);
  return found?.createdAt === createdAt ? found : undefined;
}

/** Versions a service had, the one that was replaced last first. */
export function revisionsOf(service: Workload, context: Ctx): readonly Revision[] {
  return revisionsAt(service.tenant, service.name, context)
    .filter((each) => each.createdAt === service.createdAt)
    .sort((one, other) => timeOf(other) - timeOf(one) || other.generation - one.generation);
}

/** Every revision under a name, of whichever life of it. */
function revisionsAt(tenant: string, name: string, context: Ctx): Revision[] {
  return [...context.views.revisions.by('workload', `${tenant}.${name}`)].map(({ value }) => value);
}

/** The newest other version that was complete. */
export function lastComplete(service: Service, context: Ctx): Revision | undefined {
  const { templateGeneration, rollout } = service;
  const whole = revisionsOf(service, context).filter(
    (each) => each.generation !== templateGeneration && each.completedAt !== undefined,
  );
  return whole.find((each) => each.generation === rollout?.from) ?? whole[0];
}

/** What becomes of a service that goes back. */
export interface Back {
  readonly after: Service;
  /** All of it, to be written as a whole. */
  readonly puts: readonly Put[];
}

/** A service at a version it had: what its instances run, and nothing else, is as it was. */
export function backTo(
  service: Service,
  revision: Revision,
  told: {
    readonly verb: string;
    readonly message: string;
    /** The ask that it was; absent: nobody asked. */
    readonly askedBy?: string;
    readonly failed?: Rollout['failed'];
  },
  context: Ctx,
): Back | 'host-taken' {
  const { now } = context;
  const { tenant, name, templateGeneration } = service;
  const spec = specOf(service, revision, context);
  if (!spec) return 'host-taken';
  const wasComplete = completedAtOf(service, context) !== undefined;
  const after: Service = {
    ...service,
    spec,
    generation: service.generation + 1,
    templateGeneration: revision.generation,
    rollout: {
      ...(wasComplete ? { from: templateGeneration } : {}),
      // It is known: it waits for nobody.
      ...{ at: now, promotedAt: now },
      ...(told.failed ? { failed: told.failed } : {}),
    },
    last: {
      ...{ verb: told.verb, at: now, message: told.message.slice(0, 500) },
      ...(told.askedBy === undefined ? {} : { askedBy: told.askedBy }),
    },
  };
  const puts = [
    leave(service, context).put,
    put(workloadRecord, { tenant, workload: name }, after),
    ...routePuts(tenant, name, { kind: 'service', labels: after.labels, spec }, context),
  ];
  return { after, puts };
}

/**
 * The spec with the template of a revision. Its address leads to a port of that template: where
 * the one of now has none there, it is the one of then, unless somebody else serves it by now.
 */
function specOf(service: Service, revision: Revision, context: Ctx): ServiceSpec | undefined {
  const spec = withTemplateOf(service.spec, revision.spec);
  const { ingress, ports } = spec;
  if (!ingress) return spec;
  const { port = ports[0]?.name } = ingress;
  if (ports.some((each) => each.name === port)) return spec;
  const { ingress: then } = revision.spec;
  const { ingress: _now, ...rest } = spec;
  if (!then) return rest;
  for (const { value } of context.views.routes.by('host', then.host)) {
    if (value.tenant !== service.tenant || value.workload !== service.name) return undefined;
  }
  return { ...rest, ingress: then };
}

/**
 * Revisions nobody needs any more: of an earlier life of the name, and the oldest beyond those that
 * are kept. What runs, or may be gone back to by itself, stays.
 */
export function unneeded(
  service: Workload,
  generations: ReadonlySet<number>,
  context: Ctx,
): readonly Put[] {
  const { tenant, name, createdAt, templateGeneration, rollout } = service;
  const inUse = new Set([...generations, templateGeneration, rollout?.from]);
  const spare = revisionsOf(service, context).filter((each) => !inUse.has(each.generation));
  const others = revisionsAt(tenant, name, context).filter((each) => each.createdAt !== createdAt);
  return [...spare.slice(REVISIONS_KEPT), ...others].map(removed);
}

/** Everything that is left of a name's versions. */
export function allRevisions(tenant: string, name: string, context: Ctx): readonly Put[] {
  return revisionsAt(tenant, name, context).map(removed);
}

/** The put that removes a revision. */
export function removed(revision: Revision): Put {
  return remove(revisionRecord, tokensOf(revision));
}

function revisionOf(service: Service): Revision {
  const { tenant, name: workload, templateGeneration: generation, spec, createdAt } = service;
  return { tenant, workload, generation, spec, createdAt };
}

function tokensOf({ tenant, workload, generation }: Revision) {
  return { tenant, workload, generation: String(generation) };
}

function timeOf({ replacedAt, completedAt }: Revision): number {
  return replacedAt ?? completedAt ?? 0;
}
