/** Makes sure that the body of a write is one manifest, or is refused with every place in it. */
import { type Problem, parseManifests } from '../../manifests/parse.ts';
import {
  type Answer,
  DEFAULT_TENANT,
  type Manifest,
  type PoolManifest,
  refusal,
  type ScheduleManifest,
  type WorkloadManifest,
} from '../../subjects/index.ts';

/** A body as it was sent. */
export interface ManifestText {
  readonly text: string;
  readonly isJson: boolean;
}

/** What the call itself says about the manifest in its body. */
export interface Named {
  readonly tenant: string | undefined;
  readonly name: string | undefined;
}

const PLACES_MAX = 50;

/** The workload's manifest in a body, with the tenant the call names. */
export function workloadIn(body: ManifestText | undefined, named: Named): Answer<WorkloadManifest> {
  const read = manifestIn(body, named);
  if (!read.ok) return read;
  const { value } = read;
  if (value.kind === 'service' || value.kind === 'job') return { ok: true, value };
  return elsewhere(value);
}

/** The schedule's manifest in a body, with the tenant the call names. */
export function scheduleIn(body: ManifestText | undefined, named: Named): Answer<ScheduleManifest> {
  const read = manifestIn(body, named);
  if (!read.ok) return read;
  const { value } = read;
  return value.kind === 'schedule' ? { ok: true, value } : elsewhere(value);
}

/** The pool's manifest in a body, with the tenant the call names. */
export function poolIn(body: ManifestText | undefined, named: Named): Answer<PoolManifest> {
  const read = manifestIn(body, named);
  if (!read.ok) return read;
  const { value } = read;
  return value.kind === 'pool' ? { ok: true, value } : elsewhere(value);
}

function elsewhere({ kind }: Manifest): Answer<never> {
  const where = { service: 'workloads', job: 'workloads', schedule: 'schedules', pool: 'pools' };
  return no('manifest-malformed', `kind: a ${kind} goes to /api/v1/${where[kind]}/NAME`);
}

function manifestIn(body: ManifestText | undefined, named: Named): Answer<Manifest> {
  if (!body || body.text.trim() === '') return no('request-malformed', 'there is no body');
  if (body.isJson && !isJson(body.text)) return no('request-malformed', 'the body is not JSON');
  const parsed = parseManifests(body.text, 'body');
  if (!parsed.ok) return wrong(parsed.problems);
  const [first, ...others] = parsed.manifests;
  if (!first) return no('manifest-malformed', 'the body holds no manifest');
  if (others.length > 0) {
    const count = others.length + 1;
    return no('manifest-malformed', `the body holds ${count} manifests; send one at a time`);
  }
  return agreed(first.manifest, named);
}

/** A manifest must not contradict the call. One without a tenant belongs to the call's. */
function agreed(manifest: Manifest, { tenant, name }: Named): Answer<Manifest> {
  const { metadata } = manifest;
  if (name !== undefined && metadata.name !== name) {
    return no('manifest-malformed', `metadata.name is ${metadata.name}, the path says ${name}`);
  }
  if (tenant === undefined || metadata.tenant === tenant) return { ok: true, value: manifest };
  if (metadata.tenant !== DEFAULT_TENANT) {
    const detail = `metadata.tenant is ${metadata.tenant}, the query says ${tenant}`;
    return no('manifest-malformed', detail);
  }
  return { ok: true, value: { ...manifest, metadata: { ...metadata, tenant } } };
}

function wrong(problems: readonly Problem[]): Answer<never> {
  const places = problems.slice(0, PLACES_MAX).map(({ path, line, column, message }) => ({
    path: path === '' ? 'body' : path,
    message: `line ${line}, column ${column}: ${message}`,
  }));
  const first = places[0];
  const detail = first ? `${first.path}: ${first.message}` : 'the manifest is not valid';
  return { ok: false, refusal: { ...refusal('manifest-malformed', detail), places } };
}

function no(code: 'request-malformed' | 'manifest-malformed', detail: string): Answer<never> {
  return { ok: false, refusal: refusal(code, detail) };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
