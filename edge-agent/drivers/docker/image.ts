/**
 * Makes sure that a start has its image, or says within seconds why not: from the engine, or pulled
 * from its registry as the spec's policy says, with the credentials its tenant has on this node,
 * telling how far it is. What is here is there for whoever names it, whosever credentials brought it.
 */
import { reasonOf } from '../../../actors/runtime/reason.ts';
import { spanHere } from '../../../actors/runtime/tracing.ts';
import type { Spec } from '../../../subjects/index.ts';
import {
  type Credentials,
  credentialsFor,
  type Holder,
  type RegistryAuth,
  registryOf,
} from './credentials.ts';
import type { Engine } from './engine.ts';
import { EngineError, SENTENCE_MAX, sentence } from './engine-error.ts';
import type { Images } from './images.ts';
import { PullError, PullProgress } from './pull-progress.ts';

/** A registry that says nothing for this long does not answer, in milliseconds; unless it is set. */
const SILENT_MS = 15_000;
/** How often it is told how far a pull is, in milliseconds: each is a write into the store. */
const TOLD_MS = 1_000;

/** What a registry says to those it does not know. */
const REFUSED =
  /no basic auth credentials|unauthorized|authentication required|resource is denied|access denied/i;

/** What a start needs its image for. */
export interface Wanted {
  readonly engine: Engine;
  readonly spec: Spec;
  /** Signalled when the start is not wanted any more. */
  readonly stop: AbortSignal;
  /** Whose registry credentials on this node count. */
  readonly holder: Holder;
  /** What this agent pulls is its own to remove. */
  readonly images: Pick<Images, 'pulling'>;
  /** How long a registry may say nothing, in milliseconds; default 15 s. */
  readonly silentMs?: number | undefined;
  /** Told how far a pull is, once a second at most. */
  tell(message: string): void;
}

/** Resolves when the image is there. Throws with the reason, also when `stop` is signalled. */
export async function obtainImage(wanted: Wanted): Promise<void> {
  const { engine, spec, stop } = wanted;
  const image = spec.image ?? '';
  const policy = spec.pull ?? 'if-missing';
  const isHere = (await engine.imageId(image)) !== undefined;
  if (policy !== 'always' && isHere) return;
  if (policy === 'never') throw new Error(`image ${image} is not here, and pull is never`);
  wanted.tell(`pulling ${image}`);
  // What was here before is somebody else's to remove.
  const over = isHere ? undefined : await wanted.images.pulling(image);
  const span = spanHere(`pull ${image}`);
  try {
    await pull(image, wanted);
    await over?.('pulled');
    span.end();
  } catch (error) {
    span.end(error);
    await over?.(!stop.aborted && isRefused(error) ? 'refused' : 'unknown');
    if (stop.aborted) throw new Error(`told to stop while image ${image} was pulled`);
    throw new Error(sentence(`${failed(image)}${reasonOf(error)}`), { cause: error });
  }
}

async function pull(image: string, wanted: Wanted): Promise<void> {
  const found = await credentialsFor(image, wanted.holder);
  try {
    await pullAs(found.auth, image, wanted);
  } catch (error) {
    throw new Error(withNextStep(reasonOf(error), image, found), { cause: error });
  }
}

async function pullAs(
  auth: RegistryAuth | undefined,
  image: string,
  { engine, stop, tell, silentMs = SILENT_MS }: Wanted,
): Promise<void> {
  const silent = new AbortController();
  let timer = setTimeout(() => silent.abort(), silentMs);
  const isSilent = (): Error => new Error(`its registry said nothing for ${silentMs / 1000} s`);
  const progress = new PullProgress();
  let toldAt = Date.now();
  try {
    // Without a tag an engine pulls all there are.
    const one = /[:@][^/]*$/.test(image) ? image : `${image}:latest`;
    const signal = AbortSignal.any([stop, silent.signal]);
    let rest = '';
    for await (const chunk of await engine.pull(one, { signal, auth })) {
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), silentMs);
      const lines = `${rest}${Buffer.from(chunk).toString()}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) progress.take(line);
      if (Date.now() - toldAt < TOLD_MS || progress.text === '') continue;
      toldAt = Date.now();
      tell(`pulling ${image}: ${progress.text}`);
    }
    progress.take(rest);
  } catch (error) {
    throw silent.signal.aborted ? isSilent() : error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Whether the engine said that it cannot be pulled. Where it only fell silent, or broke off, what was
 * begun may yet come to its end.
 */
function isRefused(error: unknown): boolean {
  const { cause } = error as { readonly cause?: unknown };
  return cause instanceof PullError || (cause instanceof EngineError && cause.status !== undefined);
}

/** How the reason begins that a start is told. */
const failed = (image: string): string => `image ${image} cannot be pulled: `;

/** What a registry says to strangers leaves out what they can do. */
function withNextStep(why: string, image: string, { owner, problem }: Credentials): string {
  if (!REFUSED.test(why)) return why;
  const step =
    problem ??
    (owner === undefined
      ? `\`docker login ${registryOf(image)}\` on this node, or set SHOAL_DOCKER_CONFIG`
      : `so it is with the credentials of tenant ${owner}`);
  // Podman says on which way it came there, and the reason last.
  const room = Math.max(0, SENTENCE_MAX - failed(image).length - step.length - '; '.length);
  return `${why.length <= room ? why : `…${why.slice(why.length - room + 1)}`}; ${step}`;
}
