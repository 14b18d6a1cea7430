/** The rules of the house. They need no engine, so nothing looks for one before they run. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    name: 'architecture',
    include: ['test/architecture/**/*.test.ts'],
    testTimeout: 240_000,
    hookTimeout: 240_000,
    isolate: false,
  },
});
