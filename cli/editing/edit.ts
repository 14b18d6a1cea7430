/** `shoal edit`: opens what is stored in an editor, and applies what a person makes of it. */
import { parseManifests } from '../../manifests/parse.ts';
import { problemsText } from '../../manifests/problem-text.ts';
import type { Manifest } from '../../subjects/index.ts';
import { appliedText, put } from '../commands/apply.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import type { Noun } from '../nouns.ts';
import { print } from '../printed.ts';
import type { AppliedShape } from '../shapes.ts';
import type { Session } from '../shell.ts';
import { editable, manifestText, readStored } from './manifest-text.ts';

/**
 * Applies only over what was opened: who changed it meanwhile is not overwritten. A text that cannot
 * be applied stays in its file.
 */
export async function edit(session: Session, noun: Noun, name: string): Promise<ExitCode> {
  const { tenant } = session;
  const before = await readStored(session, { kind: editable(noun), tenant, name });
  const text = manifestText(before);
  const edited = await session.edit(text, `${noun}-${name}.yaml`);
  if (edited.text === text || edited.text.trim() === '') {
    await edited.forget();
    session.err(`${noun} ${name}: nothing was changed`);
    return exitCodes.ok;
  }
  try {
    const manifest = readOne(edited.text, { name, tenant });
    const ask = { ifGeneration: before.generation };
    const answer = await put<AppliedShape>(session, manifest, ask);
    print(session, answer, () => appliedText(manifest, answer));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const kept = `  your text is kept: correct it and \`shoal apply -f ${edited.file}\``;
    throw new Failure(error.exitCode, `${error.message}\n${kept}`);
  }
  await edited.forget();
  return exitCodes.ok;
}

/** The one manifest of a text; it must still be about what was opened. */
function readOne(text: string, of: { readonly name: string; readonly tenant: string }): Manifest {
  const parsed = parseManifests(text, 'edited', { tenant: of.tenant });
  if (!parsed.ok) {
    throw new Failure(exitCodes.usage, problemsText('edited', parsed.problems));
  }
  const [only, ...more] = parsed.manifests;
  if (!only || more.length > 0) {
    throw new Failure(exitCodes.usage, 'error: it must stay one manifest; nothing was sent');
  }
  const { name, tenant } = only.manifest.metadata;
  if (name !== of.name || tenant !== of.tenant) {
    const was = `${of.name} of tenant ${of.tenant}`;
    throw new Failure(
      exitCodes.usage,
      `error: it was ${was} and is ${name} of tenant ${tenant} now: an edit does not rename; nothing was sent`,
    );
  }
  return only.manifest;
}
