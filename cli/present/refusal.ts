/** Makes sure that a refusal says what happened, what about it, and what to do next. */
import type { RefusalBody } from '../failure.ts';

/** What to do next, where the sentence for the user does not say it by itself. */
const nextSteps: Readonly<Record<string, string>> = {
  'workload-not-found': 'give --tenant if it is of another tenant',
  'workload-deleting': '`shoal delete workload NAME --wait` returns when it is gone',
  'workload-kind-fixed': '`shoal delete workload NAME --wait`, then apply again',
  'job-fixed': '`shoal delete workload NAME --wait`, then apply again',
  'job-finished': '`shoal delete workload NAME --wait`, then apply again',
  'driver-unknown': '`shoal describe node NAME` shows what a node offers',
  'spec-unplaceable': '`shoal explain -f FILE` shows each node with what removed it',
  'instance-not-found': 'give --tenant if it is of another tenant',
  'actor-unavailable': '`shoal micro` shows which actors answer',
  'store-full': '`shoal version` shows how the store is',
  'store-read-only': '`shoal version` shows how the store is',
  'store-unavailable': '`shoal version` shows whether nats-server answers',
  'actor-fault': 'look for the id in the log of the gateway and of the control plane',
  'route-unknown': '`shoal version` shows whether gateway and command line are of one version',
  'method-not-allowed': '`shoal version` shows whether gateway and command line are of one version',
};

/**
 * Three to some lines:
 *
 *     error: There is no workload of this name; `shoal get workloads` lists them.
 *       there is no workload helo of tenant default
 *       code workload-not-found, id 5f3b
 */
export function refusalText(refusal: RefusalBody): string {
  const { title, detail } = refusal;
  const places = refusal.places.map(({ path, message }) =>
    path === '' ? message : `${path}: ${message}`,
  );
  // The detail is often the first place once more.
  const about = new Set([detail, ...places].filter((each) => each !== '' && each !== title));
  const lines = [`error: ${title}`, ...[...about].map((each) => `  ${each}`)];
  lines.push(`  code ${refusal.code}, id ${refusal.id}`);
  const next = nextSteps[refusal.code];
  if (next !== undefined) lines.push(`  next: ${next}`);
  return lines.join('\n');
}
