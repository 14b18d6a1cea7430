/**
 * Makes sure that a start has its image, or says within seconds why not: from the engine, or pulled
 * from its registry as the spec's policy says.
 */
import type { Spec } from '../../../subjects/index.ts';
import { type Engine, EngineError, sentence } from './engine.ts';

/** A registry that says nothing for this long does not answer, in milliseconds. */
const SILENT_MS = 15_000;

/** Resolves when the image is there. Throws with the reason, also when `stop` is signalled. */
export async function obtainImage(engine: Engine, spec: Spec, stop: AbortSignal): Promise<void> {
  const image = spec.image ?? '';
  const policy = spec.pull ?? 'if-missing';
  if (policy !== 'always' && (await engine.hasImage(image))) return;
  if (policy === 'never') throw new Error(`image ${image} is not here, and pull is never`);
  try {
    await pull(engine, image, stop);
  } catch (error) {
    if (stop.aborted) throw new Error(`told to stop while image ${image} was pulled`);
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(sentence(`image ${image} cannot be pulled: ${why}`));
  }
}

async function pull(engine: Engine, image: string, stop: AbortSignal): Promise<void> {
  const silent = new AbortController();
  let timer = setTimeout(() => silent.abort(), SILENT_MS);
  const isSilent = (): Error =>
    new EngineError(`its registry said nothing for ${SILENT_MS / 1000} s`, undefined);
  try {
    // Without a tag an engine pulls all there are.
    const one = /[:@][^/]*$/.test(image) ? image : `${image}:latest`;
    let rest = '';
    for await (const chunk of await engine.pull(one, AbortSignal.any([stop, silent.signal]))) {
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENT_MS);
      const lines = `${rest}${Buffer.from(chunk).toString()}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) refuse(line);
    }
    refuse(rest);
  } catch (error) {
    throw silent.signal.aborted ? isSilent() : error;
  } finally {
    clearTimeout(timer);
  }
}

/** What goes wrong in the middle of a pull is told in its progress. */
function refuse(line: string): void {
  if (line.trim() === '') return;
  const { error } = JSON.parse(line) as { readonly error?: string };
  if (error !== undefined) throw new Error(error);
}
