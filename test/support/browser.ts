/** A Chromium for a test, as a person has one: the one of `make engines`, which the test looks through. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import { obtainProgram } from '../../local/program.ts';
import { chromium as wanted } from '../../local/programs.ts';

/** What keeps it from calling its maker's servers: there is nobody to be reached. */
const QUIET = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

export interface TestBrowser extends AsyncDisposable {
  readonly context: BrowserContext;
}

/** Starts one with a profile of its own, removed in the end. */
export async function testBrowser(
  look: { readonly colorScheme?: 'light' | 'dark' } = {},
): Promise<TestBrowser> {
  const program = await obtainProgram(wanted);
  const folder = await mkdtemp(join(tmpdir(), 'shoal-browser-'));
  const environment = { ...process.env, ...program.environment, HOME: folder };
  const context = await chromium.launchPersistentContext(join(folder, 'profile'), {
    ...{ executablePath: program.path, env: environment as Record<string, string>, args: QUIET },
    ...{ headless: true, viewport: { width: 1_100, height: 720 }, ...look },
  });
  return {
    context,
    [Symbol.asyncDispose]: async () => {
      await context.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
