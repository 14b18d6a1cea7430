import { defineConfig } from 'vitest/config';

const project = (name: string, timeoutMs: number) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    exclude: ['dist/**', 'node_modules/**'],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
  },
});

export default defineConfig({
  test: {
    projects: [
      project('unit', 10_000),
      project('architecture', 30_000),
      project('contract', 60_000),
      project('sim', 120_000),
      project('integration', 120_000),
    ],
  },
});
