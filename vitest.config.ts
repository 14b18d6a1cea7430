import { defineConfig } from 'vitest/config';
import { findDocker, noDocker } from './local/docker.ts';
import { canBuildGrpcurl, findGrpcurl } from './local/grpcurl.ts';
import { findPodman } from './local/podman.ts';
import { findProgram, type Wanted } from './local/program.ts';
import { caddy, chromium, fish, mariadb, prometheus, tmux, zsh } from './local/programs.ts';
import { obtainServer } from './nats/obtain.ts';
import { FailedTests } from './test/support/failed-tests.ts';
import { LongestFiles } from './test/support/longest-files.ts';

/**
 * No test measures speed: what a test waits for says itself how long it may take (`eventually`), and this
 * ends only what hangs.
 */
const TIMEOUT_MS = 1_200_000;

const project = (name: string, leftOut: readonly string[] = []) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    exclude: ['dist/**', 'node_modules/**', ...leftOut],
    testTimeout: TIMEOUT_MS,
    hookTimeout: TIMEOUT_MS,
  },
});

/**
 * Files of a kind that leaves nothing behind in its process share one: what they import is read once a
 * worker instead of once a file. That is half of the time of all unit tests.
 */
const sharing = (name: string) => {
  const { test } = project(name);
  return { test: { ...test, isolate: false } };
};

/** Tests that are not run are told of in one line, with the reason; or they are an error. */
function skipped(what: string, why: string): void {
  if (process.env['SHOAL_NO_SKIP']) throw new Error(`${what} cannot be run: ${why}`);
  process.stderr.write(`skipped: ${what}, for ${why}\n`);
}

/** Without a nats-server the tests that need one are left out. */
async function withServer() {
  try {
    await obtainServer();
  } catch (error) {
    skipped('contract and integration tests', error instanceof Error ? error.message : `${error}`);
    return [];
  }
  const leftOut = await withoutMissingEngines();
  return [project('contract'), project('integration', leftOut), project('long', leftOut)];
}

/** Tests that need a program. */
const withPrograms: readonly (readonly [string, Wanted])[] = [
  ['test/long/caddy.test.ts', caddy],
  ['test/long/container-site.test.ts', caddy],
  ['test/long/container-site.test.ts', prometheus],
  ['test/integration/alerts.test.ts', prometheus],
  ['test/long/try-it-now-tables.test.ts', mariadb],
  ['test/long/*-page.test.ts', chromium],
  ['test/integration/cli/*terminal*.test.ts', tmux],
  ['test/integration/cli/terminal-completion.test.ts', zsh],
  ['test/integration/cli/terminal-completion.test.ts', fish],
];

/** Tests whose engine is not here. */
async function withoutMissingEngines(): Promise<readonly string[]> {
  const leftOut: string[] = [];
  const why = noDocker() ?? ((await findDocker()) ? undefined : 'no dockerd: run `make engines`');
  if (why !== undefined) {
    skipped('Docker tests', why);
    const long = ['images', 'container-*', 'engine-*'].map((name) => `test/long/${name}.test.ts`);
    leftOut.push('test/integration/docker/**', ...long);
  }
  // Their registry is fetched with Docker.
  if (why !== undefined || !(await findPodman())) {
    // Fetched as Docker and tmux are, so where nothing may be skipped it is as sure as they are.
    skipped('Podman tests', why ?? 'there is none: run `make engines`');
    leftOut.push('test/long/podman*.test.ts');
  }
  for (const [files, wanted] of withPrograms) {
    if (await findProgram(wanted)) continue;
    skipped(`tests with ${wanted.name}`, 'there is none: run `make engines`');
    leftOut.push(files);
  }
  if (!(await findGrpcurl())) {
    // It is built by Go, which is no part of what a machine needs for Shoal and which nothing here
    // fetches: an error only where there is Go and it was not built.
    const why = 'there is none: run `make engines`, with Go';
    if (await canBuildGrpcurl()) skipped('tests with grpcurl', why);
    else process.stderr.write(`skipped: tests with grpcurl, for ${why}\n`);
    leftOut.push('test/integration/gateway/grpcurl.test.ts');
  }
  return leftOut;
}

export default defineConfig(async () => ({
  test: {
    // Two cores: more workers only wait for each other, and real processes keep their times.
    maxWorkers: 2,
    reporters: ['default', new LongestFiles(), new FailedTests()],
    projects: [
      sharing('unit'),
      'test/architecture/vitest.config.ts',
      sharing('sim'),
      ...(await withServer()),
    ],
  },
}));
