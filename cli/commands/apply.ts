/** `shoal apply`: makes what the manifests want the truth. */
import {
  DEFAULT_TENANT,
  isWorkloadManifest,
  type Manifest,
  manifestNoun,
  type WorkloadManifest,
} from '../../subjects/index.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { RefusedFailure } from '../failure.ts';
import { readManifests } from '../manifest-files.ts';
import { manifestPath } from '../paths.ts';
import { choiceText, isUnplaceable, verdict } from '../present/explanation.ts';
import { print } from '../printed.ts';
import type { AppliedShape, DryRunShape } from '../shapes.ts';
import type { Session } from '../shell.ts';
import { patienceOf } from '../waiting.ts';
import { waitReady } from '../workload-waits.ts';

export interface ApplyOptions {
  readonly file: readonly string[];
  readonly dryRun?: boolean;
  /** How long to wait, in milliseconds; undefined: not at all. */
  readonly wait?: number;
}

/** Applies one after another; a refusal does not keep the others from being applied. */
export async function apply(session: Session, options: ApplyOptions): Promise<ExitCode> {
  const manifests = await readManifests(session, options.file);
  if (options.dryRun) return dryRun(session, manifests);
  const applied: (AppliedShape & { readonly kind: string; readonly tenant: string })[] = [];
  let isRefused = false;
  for (const manifest of manifests) {
    const { kind, metadata } = manifest;
    try {
      const answer = await put<AppliedShape>(session, manifest);
      applied.push({ tenant: metadata.tenant, kind, ...answer });
      if (session.output === 'table') session.out(appliedText(manifest, answer));
    } catch (error) {
      if (!(error instanceof RefusedFailure)) throw error;
      isRefused = true;
      session.err(`${title(manifest)} was refused\n${error.message}`);
    }
  }
  if (session.output !== 'table') print(session, { items: applied }, () => '');
  if (options.wait !== undefined) {
    const patience = patienceOf(session, options.wait);
    for (const { kind, tenant, name, generation } of applied) {
      // A schedule has nothing to wait for: it is what it is. A pool is never done.
      if (manifestNoun(kind) !== 'workload') continue;
      await waitReady(session, { tenant, name, generation, patience });
    }
  }
  return isRefused ? exitCodes.refused : exitCodes.ok;
}

/** What would come of it; changes nothing. */
async function dryRun(session: Session, manifests: readonly Manifest[]): Promise<ExitCode> {
  const answers: (DryRunShape | AppliedShape)[] = [];
  let isRefused = false;
  for (const manifest of manifests) {
    try {
      if (!isWorkloadManifest(manifest)) {
        const answer = await put<AppliedShape>(session, manifest, { dryRun: true });
        answers.push(answer);
        if (session.output === 'table')
          session.out(`${title(manifest)}: would be ${answer.change}`);
        continue;
      }
      const answer = await put<DryRunShape>(session, manifest, { dryRun: true });
      answers.push(answer);
      isRefused ||= isUnplaceable(answer);
      if (session.output === 'table') session.out(dryRunText(manifest, answer));
    } catch (error) {
      if (!(error instanceof RefusedFailure)) throw error;
      isRefused = true;
      session.err(`${title(manifest)} would be refused\n${error.message}`);
    }
  }
  if (session.output !== 'table') print(session, { items: answers }, () => '');
  return isRefused ? exitCodes.refused : exitCodes.ok;
}

/** Sends a manifest; with `ifGeneration` only over that. */
export async function put<T>(
  { gateway }: Session,
  manifest: Manifest,
  how: { readonly dryRun?: boolean; readonly ifGeneration?: number } = {},
): Promise<T> {
  const { name, tenant } = manifest.metadata;
  const path = manifestPath(manifest.kind, name);
  const { ifGeneration, ...query } = how;
  const headers = ifGeneration === undefined ? {} : { 'If-Match': `"${ifGeneration}"` };
  return gateway.write('PUT', path, { query: { tenant, ...query }, body: manifest, headers });
}

/** `service hello of tenant acme` */
export function title({ kind, metadata }: Manifest): string {
  const whose = metadata.tenant === DEFAULT_TENANT ? '' : ` of tenant ${metadata.tenant}`;
  return `${kind} ${metadata.name}${whose}`;
}

const changeTexts: Readonly<Record<AppliedShape['change'], string>> = {
  created: 'created',
  updated: 'updated: its instances are replaced',
  scaled: 'scaled',
  changed: 'changed: nothing is restarted',
  unchanged: 'unchanged',
};

/** What came of an apply. */
export function appliedText(manifest: Manifest, { change, generation }: AppliedShape): string {
  // What a schedule made stays as it is; a pool tells how its slots are replaced.
  const text = isWorkloadManifest(manifest) ? changeTexts[change] : change;
  return `${title(manifest)} ${text} (generation ${generation})`;
}

function dryRunText(manifest: WorkloadManifest, answer: DryRunShape): string {
  const { change, explanation } = answer;
  const { count } = manifest.spec;
  if (isUnplaceable(answer)) return `${title(manifest)}: would be ${verdict(count, answer)}`;
  if (change === 'unchanged' || change === 'changed')
    return `${title(manifest)}: would be ${change}`;
  const would = change === undefined ? '' : ` would be ${change};`;
  const choice = choiceText(explanation);
  const where = choice === '' ? '' : `: ${choice}`;
  return `${title(manifest)}:${would} ${verdict(count, answer)}${where}`;
}
