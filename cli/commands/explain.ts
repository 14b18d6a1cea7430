/** `shoal explain`: where a workload would go now, and why not elsewhere. Changes nothing. */
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { readManifests } from '../manifest-files.ts';
import { explanationText } from '../present/explanation.ts';
import { print } from '../printed.ts';
import type { DryRunShape } from '../shapes.ts';
import type { Session } from '../shell.ts';
import { put } from './apply.ts';

export async function explain(
  session: Session,
  options: { readonly file: readonly string[] },
): Promise<ExitCode> {
  const answers: DryRunShape[] = [];
  const texts: string[] = [];
  for (const manifest of await readManifests(session, options.file)) {
    const answer = await put<DryRunShape>(session, manifest, { dryRun: true });
    const { kind, spec, metadata } = manifest;
    answers.push(answer);
    texts.push(explanationText({ kind, name: metadata.name, count: spec.count }, answer));
  }
  print(session, { items: answers }, () => texts.join('\n\n'));
  return exitCodes.ok;
}
