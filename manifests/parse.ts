/**
 * Makes sure that a manifest is either understood whole or refused with every place that is
 * wrong, in line and column. Strict: what is not known is not passed over.
 *
 * YAML 1.2, several documents in one text; JSON is a part of YAML. Never throws. Limits:
 * documents.ts.
 */
import type { z } from 'zod';
import {
  DEFAULT_TENANT,
  type Manifest,
  manifestKinds,
  manifestNoun,
  manifestSchema,
} from '../subjects/index.ts';
import { type ReadDocument, readDocuments } from './documents.ts';
import { type Told, tell } from './issue-text.ts';
import { nearest } from './nearest.ts';
import { find, Lines, type Place, pathText } from './positions.ts';

export interface Problem extends Place {
  /** `spec.ports[0].name`; empty: the document as a whole. */
  readonly path: string;
  /** Without place and path. */
  readonly message: string;
}

export interface ParsedManifest {
  readonly manifest: Manifest;
  /** Where its document begins. */
  readonly line: number;
}

/** `source` is the name of the text as it was given, for whoever tells the problems. */
export type Parsed =
  | { readonly ok: true; readonly source: string; readonly manifests: readonly ParsedManifest[] }
  | { readonly ok: false; readonly source: string; readonly problems: readonly Problem[] };

/** Most problems told of one text, the first ones. */
export const PROBLEMS_MAX = 100;

/**
 * Reads manifests. A text without any document has none, and no problem. `tenant` is whose a
 * workload is when its manifest names none.
 */
export function parseManifests(
  text: string,
  source: string,
  options: { readonly tenant?: string } = {},
): Parsed {
  const lines = new Lines(text);
  const manifests: ParsedManifest[] = [];
  const problems: Problem[] = [];
  const names = new Map<string, number>();
  for (const read of readDocuments(text)) {
    const faults = 'document' in read ? read.faults : [read];
    for (const { offset, message } of faults) {
      problems.push({ ...lines.at(offset), path: '', message });
    }
    if (!('document' in read) || faults.length > 0) continue;
    const tenant = options.tenant ?? DEFAULT_TENANT;
    const parsed = manifestSchema.safeParse(withTenant(read.value, tenant));
    if (!parsed.success) problems.push(...problemsOf(read, parsed.error.issues, lines));
    const twice = nameTwice(read, { names, tenant, lines });
    if (twice) problems.push(twice);
    if (parsed.success) {
      manifests.push({ manifest: parsed.data, line: lines.at(read.offset).line });
    }
  }
  if (problems.length === 0) return { ok: true, source, manifests };
  problems.sort((one, other) => one.line - other.line || one.column - other.column);
  return { ok: false, source, problems: problems.slice(0, PROBLEMS_MAX) };
}

function problemsOf(
  read: ReadDocument,
  issues: readonly z.core.$ZodIssue[],
  lines: Lines,
): readonly Problem[] {
  const all = [...issues];
  const isKind = (issue: z.core.$ZodIssue): boolean => issue.path[0] === 'kind';
  if (issues.some(isKind)) all.push(...besideKind(read.value));
  return all
    .slice(0, PROBLEMS_MAX)
    .flatMap((issue) => tell(issue, read.value))
    .map(({ path, at, message }: Told) => {
      const found = find(read.document, path);
      const offset = (at === 'key' ? found.key : found.value) ?? found.value ?? read.offset;
      return { ...lines.at(offset), path: pathText(path), message };
    });
}

/** With a kind that is none the schema looks no further: the rest is held to the likeliest one. */
function besideKind(value: unknown): readonly z.core.$ZodIssue[] {
  const given = (value as { readonly kind?: unknown }).kind;
  const likely = nearest(String(given), manifestKinds);
  const parsed = manifestSchema.safeParse({
    ...(value as object),
    kind: likely ?? manifestKinds[0],
  });
  if (parsed.success) return [];
  const { issues } = parsed.error;
  // Without any likely kind nothing can be said of the spec but that it is missing.
  return likely ? issues : issues.filter((each) => each.path[0] !== 'spec' || each.path.length < 2);
}

/** The value with a tenant where its metadata names none. */
function withTenant(value: unknown, tenant: string): unknown {
  if (!isMapping(value) || !isMapping(value['metadata'])) return value;
  return { ...value, metadata: { tenant, ...value['metadata'] } };
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A tenant's name stands for one workload, one schedule and one pool: a second manifest is a mistake. */
function nameTwice(
  read: ReadDocument,
  of: { readonly names: Map<string, number>; readonly tenant: string; readonly lines: Lines },
): Problem | undefined {
  const metadata = isMapping(read.value) ? read.value['metadata'] : undefined;
  const { name, tenant = of.tenant } = isMapping(metadata) ? metadata : {};
  if (typeof name !== 'string') return undefined;
  const place = of.lines.at(find(read.document, ['metadata', 'name']).value ?? read.offset);
  const kind = isMapping(read.value) ? String(read.value['kind']) : '';
  const key = JSON.stringify([tenant, name, manifestNoun(kind)]);
  const first = of.names.get(key);
  if (first === undefined) {
    of.names.set(key, place.line);
    return undefined;
  }
  const message = `"${name}" is here twice, first in line ${first}`;
  return { ...place, path: 'metadata.name', message };
}
