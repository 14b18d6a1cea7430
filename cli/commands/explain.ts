/** `shoal explain`: where a workload would go now, and why not elsewhere. Changes nothing. */
import { isWorkloadManifest } from '../../subjects/index.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { RefusedFailure } from '../failure.ts';
import { readManifests } from '../manifest-files.ts';
import { explanationText } from '../present/explanation.ts';
import { print } from '../printed.ts';
import type { DryRunShape } from '../shapes.ts';
import type { Session } from '../shell.ts';
import { put, title } from './apply.ts';

/** Explains one after another; what would be refused does not keep the others from it. */
export async function explain(
  session: Session,
  options: { readonly file: readonly string[] },
): Promise<ExitCode> {
  const answers: DryRunShape[] = [];
  const texts: string[] = [];
  let isRefused = false;
  for (const manifest of await readManifests(session, options.file)) {
    // A schedule and a pool are placed nowhere; runs and slots are, when they are made.
    if (!isWorkloadManifest(manifest)) continue;
    const { kind, spec, metadata } = manifest;
    try {
      const answer = await put<DryRunShape>(session, manifest, { dryRun: true });
      answers.push(answer);
      const what = { kind, name: metadata.name, count: spec.count };
      texts.push(explanationText(what, answer, session.paint));
    } catch (error) {
      if (!(error instanceof RefusedFailure)) throw error;
      isRefused = true;
      session.err(`${title(manifest)} would be refused\n${error.message}`);
    }
  }
  if (session.output !== 'table' || texts.length > 0) {
    print(session, { items: answers }, () => texts.join('\n\n'));
  }
  return isRefused ? exitCodes.refused : exitCodes.ok;
}
