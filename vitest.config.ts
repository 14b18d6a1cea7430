import { defineConfig } from 'vitest/config';
import { obtainServer } from './nats/obtain.ts';

const project = (name: string, timeoutMs: number) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    exclude: ['dist/**', 'node_modules/**'],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
  },
});

/** Without a nats-server the tests that need one are left out, and the reason is printed. */
async function withServer() {
  try {
    await obtainServer();
    return [project('contract', 60_000), project('integration', 120_000)];
  } catch (error) {
    if (process.env['SHOAL_NO_SKIP']) throw error;
    process.stderr.write(
      `skipped: contract and integration tests, for ${error instanceof Error ? error.message : error}\n`,
    );
    return [];
  }
}

export default defineConfig(async () => ({
  test: {
    // Two cores: more workers only wait for each other, and real processes keep their times.
    maxWorkers: 2,
    projects: [
      project('unit', 20_000),
      project('architecture', 30_000),
      project('sim', 120_000),
      ...(await withServer()),
    ],
  },
}));
