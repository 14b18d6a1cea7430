/** What waiting for a workload means: ready, ended well, or gone. */
import { RefusedFailure } from './failure.ts';
import { holdUp } from './hold-up.ts';
import { workloadPath } from './paths.ts';
import type { Step } from './present/progress-line.ts';
import { stateText } from './present/workloads.ts';
import { lookRolledOut } from './rollout-waits.ts';
import type { WorkloadShape } from './shapes.ts';
import type { Session } from './shell.ts';
import { countdown, type Patience, type Seen, waitFor } from './waiting.ts';

interface Named {
  readonly tenant: string;
  readonly name: string;
  readonly patience: Patience;
}

/**
 * Waits until a service is ready, all of it of its newest spec, or a job has ended well. Where it is
 * said which generation was asked for, of a service that says how it is updated: until its canaries
 * are ready, or that update failed.
 */
export async function waitReady(session: Session, of: Asked): Promise<void> {
  await waitFor(session, {
    what: `${of.name} is not ready`,
    patience: of.patience,
    next: `shoal describe workload ${of.name}`,
    look: (isWatched) => lookReady(session, of, isWatched),
  });
}

interface Asked extends Named {
  readonly generation?: number;
}

async function lookReady(
  session: Session,
  { tenant, name, generation }: Asked,
  isWatched: boolean,
): Promise<Seen> {
  const workload = await session.gateway.read<WorkloadShape>(workloadPath(name), { tenant });
  const isUpdated = generation !== undefined && workload.spec['update'] !== undefined;
  if (isUpdated && workload.state !== 'deleting') {
    return lookRolledOut(session, { tenant, name, generation });
  }
  const told = `${name}: ${stateText(workload)}`;
  const { ready, succeeded, wanted } = workload.instances;
  const share = { done: workload.kind === 'job' ? succeeded : ready, of: wanted };
  switch (workload.state) {
    case 'succeeded':
      return { isDone: true, told };
    case 'failed':
      return { isDone: false, told, failed: told };
    case 'deleting':
      return { isDone: false, told, failed: `${name} is being deleted` };
    case 'ready':
      return { isDone: workload.kind === 'service', told, share };
    case 'progressing':
    case 'waiting': {
      const detail = isWatched ? await holdUp(session, { tenant, name }) : undefined;
      return { isDone: false, told, share, brief: `${name}: ${workload.state}`, detail };
    }
  }
}

/** Waits until a workload is gone. */
export async function waitGone(session: Session, of: Named): Promise<void> {
  const { tenant, name } = of;
  const shareOf = countdown();
  await waitFor(session, {
    what: `${name} is not gone`,
    patience: of.patience,
    next: `shoal describe workload ${name}`,
    look: gone('workload-not-found', `workload ${name}: gone`, async () => {
      const workload = await session.gateway.read<WorkloadShape>(workloadPath(name), { tenant });
      const { pending, parked, running } = workload.instances;
      const share = shareOf(pending + parked + running);
      return { told: `${name}: ${stateText(workload)}`, share };
    }),
  });
}

/** A look that is done when reading is refused with a code. */
export function gone(code: string, done: string, read: () => Promise<Step>): () => Promise<Seen> {
  return async () => {
    try {
      return { isDone: false, ...(await read()) };
    } catch (error) {
      const isGone = error instanceof RefusedFailure && error.refusal.code === code;
      if (!isGone) throw error;
      return { isDone: true, told: done };
    }
  };
}
