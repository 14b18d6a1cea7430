/** Makes sure that a session goes to an instance, whether that or its workload was named. */
import type { Phase } from '../../subjects/index.ts';
import { exitCodes } from '../exit-codes.ts';
import { Failure, RefusedFailure } from '../failure.ts';
import { instancesPath, workloadPath } from '../paths.ts';
import type { InstanceShape, List } from '../shapes.ts';
import type { Session } from '../shell.ts';

/** Best first; in the last ones sidecars may run although the program does not. */
const RUNNING: readonly Phase[] = ['ready', 'running'];
const WITH_SIDECARS: readonly Phase[] = [
  ...RUNNING,
  'starting',
  'backing-off',
  'stopping',
  'placed',
];

/**
 * The id of the instance that is meant: of a workload one that is ready, or else runs. `sidecar`: what
 * is meant in it; that runs before the program does, and after it.
 */
export async function targetOf(session: Session, name: string, sidecar?: string): Promise<string> {
  const { gateway, tenant } = session;
  if (!(await isWorkload(session, name))) return name;
  const { items } = await gateway.read<List<InstanceShape>>(instancesPath, {
    ...{ tenant, workload: name },
  });
  const phases = sidecar === undefined ? RUNNING : WITH_SIDECARS;
  const [found] = items
    .filter(({ phase }) => phases.includes(phase))
    .sort((one, other) => phases.indexOf(one.phase) - phases.indexOf(other.phase));
  if (found) return found.instance;
  throw new Failure(
    exitCodes.refused,
    `error: no instance of ${name} runs; \`shoal get instances --workload ${name}\` shows what they are up to`,
  );
}

/** A workload's name comes first, as with `shoal logs`. */
async function isWorkload({ gateway, tenant }: Session, name: string): Promise<boolean> {
  try {
    await gateway.read(workloadPath(name), { tenant });
    return true;
  } catch (error) {
    if (error instanceof RefusedFailure && error.refusal.code === 'workload-not-found')
      return false;
    throw error;
  }
}
