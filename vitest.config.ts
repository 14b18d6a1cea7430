import { defineConfig } from 'vitest/config';
import { findDocker, noDocker } from './local/docker.ts';
import { findGrpcurl } from './local/grpcurl.ts';
import { findPodman } from './local/podman.ts';
import { findTmux } from './local/tmux.ts';
import { obtainServer } from './nats/obtain.ts';

const project = (name: string, timeoutMs: number, leftOut: readonly string[] = []) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    exclude: ['dist/**', 'node_modules/**', ...leftOut],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
  },
});

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
  return [
    project('contract', 60_000),
    project('integration', 120_000, leftOut),
    project('long', 300_000, leftOut),
  ];
}

/** Tests whose engine is not here. */
async function withoutMissingEngines(): Promise<readonly string[]> {
  const leftOut: string[] = [];
  const why = noDocker() ?? ((await findDocker()) ? undefined : 'no dockerd: run `make engines`');
  if (why !== undefined) {
    skipped('Docker tests', why);
    const long = ['images', 'container-sidecars'].map((name) => `test/long/${name}.test.ts`);
    leftOut.push('test/integration/docker/**', ...long);
  }
  if (!(await findPodman())) {
    // Only Debian has it in the form it is fetched in: never an error.
    process.stderr.write('skipped: Podman tests, for there is none: run `make engines`\n');
    leftOut.push('test/long/podman.test.ts');
  }
  if (!(await findTmux())) {
    skipped('tests at a terminal', 'there is no tmux: run `make engines`');
    leftOut.push('test/integration/cli/terminal.test.ts');
  }
  if (!(await findGrpcurl())) {
    // It is built by Go, which is no part of what a machine needs for Shoal: never an error.
    process.stderr.write('skipped: tests with grpcurl, for there is none: run `make engines`\n');
    leftOut.push('test/integration/gateway/grpcurl.test.ts');
  }
  return leftOut;
}

export default defineConfig(async () => ({
  test: {
    // Two cores: more workers only wait for each other, and real processes keep their times.
    maxWorkers: 2,
    projects: [
      project('unit', 60_000),
      project('architecture', 30_000),
      project('sim', 120_000),
      ...(await withServer()),
    ],
  },
}));
