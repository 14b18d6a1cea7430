/** Makes sure that every manifest of every file is understood before the first one is sent. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { type ParsedManifest, parseManifests } from '../manifests/parse.ts';
import { problemsText } from '../manifests/problem-text.ts';
import { type Manifest, manifestNoun } from '../subjects/index.ts';
import { exitCodes } from './exit-codes.ts';
import { Failure, UsageFailure } from './failure.ts';
import { plural } from './present/sections.ts';
import type { Session } from './shell.ts';

const EXTENSIONS = new Set(['.yaml', '.yml', '.json']);

/**
 * The manifests of files, of folders (the `.yaml`, `.yml` and `.json` files in them, by name) and
 * of stdin (`-`), in the order given. Throws UsageFailure; with problems, all of them.
 */
export async function readManifests(
  session: Session,
  names: readonly string[],
): Promise<readonly Manifest[]> {
  const problems: string[] = [];
  const manifests: Manifest[] = [];
  const first = new Map<string, string>();
  let count = 0;
  for (const { source, text } of await readTexts(session, names)) {
    const parsed = parseManifests(text, source, { tenant: session.tenant });
    if (!parsed.ok) {
      count += parsed.problems.length;
      problems.push(problemsText(source, parsed.problems));
      continue;
    }
    for (const each of parsed.manifests) {
      const twice = nameTwice(first, source, each);
      if (twice !== undefined) problems.push(twice);
      manifests.push(each.manifest);
    }
  }
  if (problems.length > 0) {
    const total = plural(Math.max(count, problems.length), 'problem');
    const end = `error: ${total} in the manifests; nothing was sent`;
    throw new Failure(exitCodes.usage, `${problems.join('\n')}\n${end}`);
  }
  if (manifests.length === 0) throw new UsageFailure(`no manifest in ${names.join(', ')}`);
  return manifests;
}

/** A name that another file gave already. */
function nameTwice(
  first: Map<string, string>,
  source: string,
  { manifest, line }: ParsedManifest,
): string | undefined {
  const { tenant, name } = manifest.metadata;
  const key = `${tenant} ${name} ${manifestNoun(manifest.kind)}`;
  const before = first.get(key);
  first.set(key, before ?? `${source}:${line}`);
  if (before === undefined) return undefined;
  return `${source}:${line}:1: metadata.name: "${name}" is here twice, first in ${before}`;
}

interface Text {
  readonly source: string;
  readonly text: string;
}

async function readTexts(session: Session, names: readonly string[]): Promise<readonly Text[]> {
  const texts: Text[] = [];
  for (const name of names) {
    if (name === '-') {
      texts.push({ source: 'stdin', text: new TextDecoder().decode(await session.stdin()) });
      continue;
    }
    for (const file of await filesOf(name)) {
      texts.push({ source: file, text: await readFile(file, 'utf8').catch(unreadable(file)) });
    }
  }
  return texts;
}

async function filesOf(name: string): Promise<readonly string[]> {
  const found = await stat(name).catch(unreadable(name));
  if (!found.isDirectory()) return [name];
  const entries = await readdir(name, { withFileTypes: true }).catch(unreadable(name));
  return entries
    .filter((entry) => !entry.isDirectory() && EXTENSIONS.has(extname(entry.name)))
    .map((entry) => join(name, entry.name))
    .sort();
}

function unreadable(name: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    const why = error.code === 'ENOENT' ? 'it does not exist' : error.message;
    throw new UsageFailure(`cannot read ${name}: ${why}`);
  };
}
