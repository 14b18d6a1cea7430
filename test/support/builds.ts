/**
 * Other versions of the programs, for tests of upgrades: the one after this, made of this build by
 * changing it where a next version would, and the one before, built from its commit. Both lie below
 * the checkout, so that they find its dependencies.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../local/layout.ts';
import { PROTOCOL } from '../../subjects/index.ts';

const builds = join(root, '.shoal', 'builds');

/** Where a refusal and an event of the next version come from: a scale to this many. */
export const COUNT_OF_TOMORROW = 999;
export const CODE_OF_TOMORROW = 'quota-of-tomorrow';
export const NOUN_OF_TOMORROW = 'quota';

/** Where a build says its protocol. */
const SAID = { file: 'subjects/protocol.js', text: `export const PROTOCOL = ${PROTOCOL};` };

/** What the next version has changed: file, text of today, text of tomorrow. */
const changes: readonly (readonly [file: string, today: string, tomorrow: string])[] = [
  ['actors/runtime/version.js', "VERSION = '0.1.0'", "VERSION = '0.2.0'"],
  // Every object of every contract has an optional field more, and whoever writes one fills it in.
  [
    'subjects/contract.js',
    "import { tolerant } from './tolerance.js';",
    "import { tolerant } from './tolerance.js';\nimport { widened } from '../test/support/extended.js';",
  ],
  ...['event', 'request', 'work', 'record'].map(
    (kind) =>
      [
        'subjects/contract.js',
        `export function ${kind}(of) {`,
        `export function ${kind}(of) {\n    of = { ...of, schema: widened(of.schema) };`,
      ] as const,
  ),
  [
    'subjects/codec.js',
    'export function encode(contract, value) {',
    `import { extended } from '../test/support/extended.js';
export function encode(contract, value) {
    const isAsk = contract.kind === 'request' || contract.kind === 'work';
    if (contract.schema && contract.kind && !isAsk) value = extended(contract.schema, value);
    if (contract.name === 'reply' && value.ok) value = { ...value, value: { ...value.value, ofTheNextVersion: 1 } };`,
  ],
  // A refusal and a kind of event that this version does not know.
  [
    'subjects/refusal.js',
    'export const refusals = {',
    `export const refusals = {
    '${CODE_OF_TOMORROW}': { http: 429, grpc: 'RESOURCE_EXHAUSTED', retry: 'later', user: 'Too many.', operator: 'Too many.' },`,
  ],
  [
    'actors/workload/orders.js',
    'export function scale(_state, ask, context) {',
    `import { publish } from '../runtime/effect.js';
import { eventNoticed } from '../../subjects/index.js';
export function scale(_state, ask, context) {
    const { tenant, workload: id } = ask.tokens;
    if (ask.payload.count === ${COUNT_OF_TOMORROW}) {
        const of = { tenant, noun: '${NOUN_OF_TOMORROW}', id, verb: 'reached' };
        return [
            publish(eventNoticed, of, { ...of, at: context.now, message: 'of tomorrow' }),
            refuse(ask.from, '${CODE_OF_TOMORROW}', 'as many as nobody needs'),
        ];
    }`,
  ],
];

/** A build as a folder with `dist` in it, gone at the end. */
export interface Build extends Disposable {
  readonly folder: string;
}

/** Makes a later version of this build. Throws where this build is not as it expects. */
export function nextBuild(protocol = PROTOCOL + 1): Build {
  const folder = join(builds, `protocol-${protocol}-${process.pid}`);
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
  const said = SAID.text.replace(String(PROTOCOL), String(protocol));
  for (const [file, today, tomorrow] of [[SAID.file, SAID.text, said] as const, ...changes]) {
    const path = join(folder, 'dist', file);
    const before = readFileSync(path, 'utf8');
    if (!before.includes(today)) throw new Error(`${file} has no "${today}" any more`);
    writeFileSync(path, before.replace(today, tomorrow));
  }
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Builds a commit of this repository; undefined: it is not in this checkout's history. */
export function buildOf(commit: string): Build | undefined {
  if (!hasCommit(commit)) return undefined;
  const folder = join(builds, `${commit.slice(0, 12)}-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  const archive = execFileSync('git', ['archive', commit], { cwd: root, maxBuffer: 2 ** 28 });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
  const compiler = join(root, 'node_modules', '.bin', 'tsc');
  if (!existsSync(compiler)) throw new Error('there is no compiler; run npm ci');
  execFileSync(compiler, ['-p', 'tsconfig.json'], { cwd: folder });
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Whether a checkout has a commit; a shallow one may not. */
export function hasCommit(commit: string): boolean {
  try {
    execFileSync('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: root, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
