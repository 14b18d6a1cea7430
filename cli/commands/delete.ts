/** `shoal delete`: stops what runs, with its grace, and takes it away. */
import { type ManifestNoun, manifestNoun } from '../../subjects/index.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { RefusedFailure, UsageFailure } from '../failure.ts';
import { readManifests } from '../manifest-files.ts';
import { nounOf } from '../nouns.ts';
import { instancePath, poolPath, schedulePath, workloadPath } from '../paths.ts';
import { plural } from '../present/sections.ts';
import { print } from '../printed.ts';
import type { InstanceShape, PoolShape } from '../shapes.ts';
import type { Session } from '../shell.ts';
import { type Patience, patienceOf, waitFor } from '../waiting.ts';
import { gone, waitGone } from '../workload-waits.ts';

export interface DeleteOptions {
  readonly file?: readonly string[];
  /** How long to wait, in milliseconds; undefined: not at all. */
  readonly wait?: number;
}

interface Target {
  readonly noun: ManifestNoun | 'instance';
  readonly tenant: string;
  readonly name: string;
}

/** Deletes one after another; a refusal does not keep the others from being deleted. */
export async function remove(
  session: Session,
  what: string | undefined,
  names: readonly string[],
  options: DeleteOptions,
): Promise<ExitCode> {
  const targets = await targetsOf(session, { what, names, files: options.file ?? [] });
  const deleted: Target[] = [];
  const answers: unknown[] = [];
  for (const target of targets) {
    try {
      const { answer, told } = await removeOne(session, target);
      answers.push(answer);
      deleted.push(target);
      if (session.output === 'table') session.out(told);
    } catch (error) {
      if (!(error instanceof RefusedFailure)) throw error;
      session.err(error.message);
    }
  }
  if (session.output !== 'table') print(session, { items: answers }, () => '');
  if (options.wait !== undefined) await waitAll(session, deleted, options.wait);
  return deleted.length < targets.length ? exitCodes.refused : exitCodes.ok;
}

async function targetsOf(
  session: Session,
  of: {
    readonly what: string | undefined;
    readonly names: readonly string[];
    readonly files: readonly string[];
  },
): Promise<readonly Target[]> {
  if (of.files.length > 0) {
    if (of.what !== undefined)
      throw new UsageFailure('name what to delete, or give --file: not both');
    const manifests = await readManifests(session, of.files);
    // What was applied last is taken away first.
    return manifests.toReversed().map(({ kind, metadata }) => ({
      noun: manifestNoun(kind),
      ...metadata,
    }));
  }
  if (of.what === undefined || of.names.length === 0) {
    throw new UsageFailure(
      'name what to delete, e.g. `shoal delete workload hello`, or give --file',
    );
  }
  const noun = nounOf(of.what);
  if (noun === 'node') {
    throw new UsageFailure(
      'nodes are not deleted; `shoal node drain NAME` moves their work away, then stop the agent',
    );
  }
  return of.names.map((name) => ({ noun, tenant: session.tenant, name }));
}

async function removeOne(
  { gateway }: Session,
  { noun, tenant, name }: Target,
): Promise<{ readonly answer: unknown; readonly told: string }> {
  if (noun === 'instance') {
    const answer = await gateway.write('DELETE', instancePath(name), { query: { tenant } });
    return { answer, told: `instance ${name} is being stopped; its workload makes another` };
  }
  if (noun === 'schedule') {
    const answer = await gateway.write<{ readonly runs: number }>('DELETE', schedulePath(name), {
      query: { tenant },
    });
    const left =
      answer.runs === 0 ? 'nothing it started runs' : `${plural(answer.runs, 'run')} left`;
    return { answer, told: `schedule ${name} is deleted: ${left}` };
  }
  if (noun === 'pool') {
    const answer = await gateway.write<{ readonly claims: number }>('DELETE', poolPath(name), {
      query: { tenant },
    });
    const left =
      answer.claims === 0 ? 'nobody has a claim' : `${plural(answer.claims, 'claim')} left`;
    return { answer, told: `pool ${name} is being deleted: ${left}` };
  }
  const answer = await gateway.write<{ readonly instances: number }>('DELETE', workloadPath(name), {
    query: { tenant },
  });
  const running =
    answer.instances === 0 ? 'nothing runs' : `${plural(answer.instances, 'instance')} to stop`;
  return { answer, told: `workload ${name} is being deleted: ${running}` };
}

async function waitAll(
  session: Session,
  targets: readonly Target[],
  withinMs: number,
): Promise<void> {
  const patience = patienceOf(session, withinMs);
  for (const { noun, tenant, name } of targets) {
    if (noun === 'workload') await waitGone(session, { tenant, name, patience });
    else if (noun === 'instance') await waitStopped(session, { tenant, name, patience });
    else if (noun === 'pool') await waitDrained(session, { tenant, name, patience });
  }
}

/** Waits until a pool is gone: its claims go on until they end. */
async function waitDrained(
  session: Session,
  of: { readonly tenant: string; readonly name: string; readonly patience: Patience },
): Promise<void> {
  const { tenant, name, patience } = of;
  const look = gone('pool-not-found', `pool ${name}: gone`, async () => {
    const { slots } = await session.gateway.read<PoolShape>(poolPath(name), { tenant });
    const draining = slots.warming + slots.ready + slots.draining;
    return { told: `pool ${name}: ${slots.claimed} claimed, ${draining} draining` };
  });
  await waitFor(session, {
    ...{ what: `pool ${name} is not gone`, patience, next: `shoal pool describe ${name}` },
    look,
  });
}

async function waitStopped(
  session: Session,
  of: { readonly tenant: string; readonly name: string; readonly patience: Patience },
): Promise<void> {
  const { tenant, name, patience } = of;
  let isOver = false;
  const look = gone('instance-not-found', `instance ${name}: gone`, async () => {
    const path = instancePath(name);
    const { phase, outcome } = await session.gateway.read<InstanceShape>(path, { tenant });
    isOver = outcome !== undefined;
    return { told: `instance ${name}: ${phase}` };
  });
  await waitFor(session, {
    what: `instance ${name} has not stopped`,
    patience,
    next: `shoal describe instance ${name}`,
    look: async () => {
      const seen = await look();
      return { ...seen, isDone: seen.isDone || isOver };
    },
  });
}
