/** Makes sure that a refusal says what happened, what about it, and what to do next. */
import type { RefusalCode } from '../../subjects/index.ts';
import type { RefusalBody } from '../failure.ts';

/** What to do next, where the sentence for the user does not say it by itself. */
const nextSteps: Readonly<Partial<Record<RefusalCode, string>>> = {
  'request-malformed': 'correct what is named; `--help` of the command says what it takes',
  'manifest-malformed': 'correct that line; `shoal apply -f FILE --dry-run` tries it',
  'body-too-large': 'apply in several files; put large files into the image or a volume',
  'letter-not-replayable': '`shoal dead drop ACTOR/ID` when its reason is dealt with',
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
  'sidecar-not-found': 'give --sidecar one of those, or leave it out',
  'session-unsupported': '`shoal describe node NAME` shows what it offers and its version',
  'session-not-begun': '`shoal describe instance ID` shows its ports; try another command or port',
  'path-not-found': '`shoal exec NAME -- ls PATH` shows what is there',
  'copy-refused': 'leave out what is named, or copy it to another path',
  'copy-no-room': 'make room there, or raise limits.disk, then copy again',
  'origin-foreign': 'open the page from the gateway itself',
  'host-unrouted': '`shoal describe workload NAME` shows where it is served',
  'endpoints-none': '`shoal get instances --workload NAME` shows what they wait for',
  'pool-deleting': '`shoal delete pool NAME --wait` returns when it is gone',
  'pool-empty': '`shoal pool describe NAME` shows what its slots wait for; `--wait` stands in line',
  'wait-over': '`shoal pool describe NAME` shows what its slots wait for',
  'wait-too-long': 'wait for at most 10m, and again when that is over',
  'hand-off-failed':
    'correct the command or the files; `shoal exec SLOT -- cmd` tries it in a claim',
  'key-reused': 'ask with another --key, or for what was asked for by this one',
  'line-full': '`shoal pool describe NAME` shows what its slots wait for',
  'claim-not-found': '`shoal claims` lists those that are held',
  'claim-over': '`shoal claim POOL` gets another slot',
  'ttl-too-long': '`shoal pool describe NAME` shows how long it may be',
  'endpoint-failed': '`shoal logs ID` may say why; then try again',
};

/** What to do next about a code; undefined: its sentence says it, or nobody here knows the code. */
export function nextStepOf(code: string): string | undefined {
  return Object.hasOwn(nextSteps, code) ? nextSteps[code as RefusalCode] : undefined;
}

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
  const next = nextStepOf(refusal.code);
  if (next !== undefined) lines.push(`  next: ${next}`);
  return lines.join('\n');
}
