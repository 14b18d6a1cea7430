/**
 * Makes sure that a start has its image, or says within seconds why not: from the engine, or pulled
 * from its registry as the spec's policy says, with the credentials its tenant has on this node,
 * telling how far it is. What another tenant's credentials brought here counts as not here
 * (pulled-by.ts).
 */
import { reasonOf } from '../../../actors/runtime/reason.ts';
import { spanHere } from '../../../actors/runtime/tracing.ts';
import type { Spec } from '../../../subjects/index.ts';
import {
  type Credentials,
  credentialsFor,
  type Holder,
  holderOf,
  type RegistryAuth,
  registryOf,
} from './credentials.ts';
import type { Engine } from './engine.ts';
import { EngineError, sentence } from './engine-error.ts';
import type { PullEnd, TenantImages } from './images.ts';
import { PullError, PullProgress } from './pull-progress.ts';

/** A registry that says nothing for this long does not answer, in milliseconds. */
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
  /** Folder of this node's registry credentials. */
  readonly credentials: string;
  /** What this agent pulls is its own to remove, and of whose credentials it is known. */
  readonly images: TenantImages;
  /** Told how far a pull is, once a second at most. */
  tell(message: string): void;
}

/** Resolves when the image is there. Throws with the reason, also when `stop` is signalled. */
export async function obtainImage(wanted: Wanted): Promise<void> {
  const { engine, spec, stop, images } = wanted;
  const image = spec.image ?? '';
  const policy = spec.pull ?? 'if-missing';
  const holder = { folder: wanted.credentials, tenant: images.tenant };
  const here = await engine.imageId(image);
  const isGiven =
    here !== undefined && (await images.pulledBy.isGiven(here, () => holderOf(image, holder)));
  if (policy !== 'always' && isGiven) return;
  if (policy === 'never') {
    const where = here === undefined ? 'is not here' : `was pulled by others than ${images.tenant}`;
    throw new Error(`image ${image} ${where}, and pull is never`);
  }
  wanted.tell(`pulling ${image}`);
  // What was here before is somebody else's to remove.
  const over = here === undefined ? await images.pulling(image) : undefined;
  const span = spanHere(`pull ${image}`);
  try {
    await pull(image, { ...wanted, holder, here });
    await over?.('pulled');
    span.end();
  } catch (error) {
    span.end(error);
    await over?.(endOf(error, stop));
    if (stop.aborted) throw new Error(`told to stop while image ${image} was pulled`);
    throw new Error(sentence(`image ${image} cannot be pulled: ${reasonOf(error)}`));
  }
}

async function pull(
  image: string,
  wanted: Wanted & { readonly holder: Holder; readonly here: string | undefined },
): Promise<void> {
  const { holder, here: before, images, stop } = wanted;
  const found = await credentialsFor(image, holder);
  const over = await images.pulledBy.pulling(image, { who: found.who, before });
  try {
    await pullAs(found.auth, image, wanted);
  } catch (error) {
    const failed = new Error(withNextStep(reasonOf(error), image, found), { cause: error });
    await over(endOf(failed, stop));
    throw failed;
  }
  await over('pulled');
}

async function pullAs(
  auth: RegistryAuth | undefined,
  image: string,
  { engine, stop, tell }: Wanted,
): Promise<void> {
  const silent = new AbortController();
  let timer = setTimeout(() => silent.abort(), SILENT_MS);
  const isSilent = (): Error =>
    new EngineError(`its registry said nothing for ${SILENT_MS / 1000} s`, undefined);
  const progress = new PullProgress();
  let toldAt = Date.now();
  try {
    // Without a tag an engine pulls all there are.
    const one = /[:@][^/]*$/.test(image) ? image : `${image}:latest`;
    const signal = AbortSignal.any([stop, silent.signal]);
    let rest = '';
    for await (const chunk of await engine.pull(one, { signal, auth })) {
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENT_MS);
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

function endOf(error: unknown, stop: AbortSignal): PullEnd {
  return !stop.aborted && isRefused(error) ? 'refused' : 'unknown';
}

/**
 * Whether the engine said that it cannot be pulled. Where it only fell silent, or broke off, what was
 * begun may yet come to its end.
 */
function isRefused(error: unknown): boolean {
  const { cause } = error as { readonly cause?: unknown };
  return cause instanceof PullError || (cause instanceof EngineError && cause.status !== undefined);
}

/** What a registry says to strangers leaves out what they can do. */
function withNextStep(why: string, image: string, { who, auth, problem }: Credentials): string {
  if (!REFUSED.test(why)) return why;
  if (problem !== undefined) return `${why}; ${problem}`;
  if (auth && who.startsWith('tenant')) return `${why}; so it is with the credentials of ${who}`;
  return `${why}; \`docker login ${registryOf(image)}\` on this node, or set SHOAL_DOCKER_CONFIG`;
}
