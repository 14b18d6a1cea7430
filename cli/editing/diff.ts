/** `shoal diff`: what applying manifests would change, line by line. */
import { createTwoFilesPatch } from 'diff';
import type { Manifest } from '../../subjects/index.ts';
import { title } from '../commands/apply.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Failure, RefusedFailure } from '../failure.ts';
import { readManifests } from '../manifest-files.ts';
import { print } from '../printed.ts';
import type { Session } from '../shell.ts';
import { manifestText, readStored } from './manifest-text.ts';

interface Difference {
  readonly kind: string;
  readonly tenant: string;
  readonly name: string;
  readonly change: 'created' | 'changed' | 'unchanged';
  /** A unified patch; empty when nothing would change. */
  readonly patch: string;
}

/** Lines around a change, as in `diff -u`. */
const CONTEXT = 3;

/** Ends as `diff` does: 0 when nothing would change, 1 when something would, 2 when it cannot say. */
export async function diff(
  session: Session,
  options: { readonly file: readonly string[] },
): Promise<ExitCode> {
  const found: Difference[] = [];
  for (const manifest of await readManifests(session, options.file)) {
    const difference = await differenceOf(session, manifest);
    found.push(difference);
    if (session.output !== 'table') continue;
    if (difference.change === 'unchanged') session.err(`${title(manifest)}: unchanged`);
    else session.out(difference.patch.trimEnd());
  }
  if (session.output !== 'table') print(session, { items: found }, () => '');
  return found.some((each) => each.change !== 'unchanged') ? exitCodes.refused : exitCodes.ok;
}

async function differenceOf(session: Session, manifest: Manifest): Promise<Difference> {
  const { kind, metadata } = manifest;
  const { tenant, name } = metadata;
  const wanted = manifestText(manifest, 'sorted');
  const stored = await storedText(session, manifest);
  const of = { kind, tenant, name };
  if (stored === wanted) return { ...of, change: 'unchanged', patch: '' };
  const what = `${tenant}/${name}`;
  const [before, after] = [stored === '' ? '/dev/null' : `stored/${what}`, `wanted/${what}`];
  const patch = createTwoFilesPatch(before, after, stored, wanted, undefined, undefined, {
    context: CONTEXT,
  });
  // The library draws a line above it, which no patch has.
  const change = stored === '' ? 'created' : 'changed';
  return { ...of, change, patch: patch.slice(patch.indexOf('---')) };
}

/** Empty: nothing of that name is there. */
async function storedText(session: Session, { kind, metadata }: Manifest): Promise<string> {
  const { tenant, name } = metadata;
  try {
    return manifestText(await readStored(session, { kind, tenant, name }), 'sorted');
  } catch (error) {
    const isAbsent =
      error instanceof RefusedFailure &&
      /^(workload|schedule|pool)-not-found$/.test(error.refusal.code);
    if (isAbsent) return '';
    if (!(error instanceof RefusedFailure)) throw error;
    // 1 says that something would change.
    throw new Failure(exitCodes.usage, error.message);
  }
}
