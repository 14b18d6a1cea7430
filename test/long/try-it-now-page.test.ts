/**
 * The page of examples/try-it-now in a real Chromium, over a real fabric: a visitor is given a demo, sees
 * how long it lasts, uses it, gives it back, stands in line, and is told what goes wrong.
 *
 * With SCREENSHOTS=write the pictures of docs/images are taken anew.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { root } from '../../local/layout.ts';
import { PoolCalls } from '../../local/pool-calls.ts';
import { type TestBrowser, testBrowser } from '../support/browser.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { Command } from '../support/fabric-folder.ts';
import { eventually } from '../support/ports.ts';

/** Longer than anything here takes on a busy machine, in milliseconds. */
const LONG_MS = 60_000;
const isTaken = process.env['SCREENSHOTS'] === 'write';
const example = join(root, 'examples/try-it-now');

let under: FabricUnderTest;
let browser: TestBrowser;
let pool: PoolCalls;
let site: Site;
let page: Page;
const sites: Site[] = [];

interface Site {
  readonly url: string;
  readonly process: ChildProcess;
}

/** The example's server, as its README starts it. */
async function serve(more: Readonly<Record<string, string>> = {}): Promise<Site> {
  const env = { ...process.env, PORT: '0', SHOAL_GATEWAY: under.fabric.gatewayUrl, ...more };
  const command = new Command(spawn(process.execPath, [join(example, 'server.mjs')], { env }));
  await command.says(/page ready: \S+/);
  const url = /page ready: (\S+)/.exec(command.out)?.[1] ?? '';
  const served = { url, process: command.child };
  sites.push(served);
  return served;
}

/** Applies the pool of the example, of this size. */
async function apply(ready: number, maximum: number): Promise<void> {
  const manifest = parse(await readFile(join(example, 'pool.yaml'), 'utf8'));
  const spec = { ...manifest.spec, ready, maximum };
  const answer = await under.shoal(['apply', '-f', '-'], JSON.stringify({ ...manifest, spec }));
  expect(answer.code, answer.err).toBe(0);
  await pool.full();
}

beforeAll(async () => {
  under = await fabricUnderTest(['n1']);
  pool = new PoolCalls(under.fabric.gatewayUrl, 'demo');
  await apply(2, 2);
  browser = await testBrowser();
  site = await serve();
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  for (const each of sites) each.process.kill();
  await under?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  page = await browser.context.newPage();
  page.setDefaultTimeout(LONG_MS);
  await page.goto(site.url);
});
afterEach(() => page.close());

const button = (name: string) => page.getByRole('button', { name, exact: true });
const message = () => page.getByRole('status');
const left = () => page.getByRole('timer');
const shop = () => page.frameLocator('#frame');
/** What is left, in seconds, as it is shown. */
const seconds = async (): Promise<number> => {
  const [minutes = 0, rest = 0] = ((await left().textContent()) ?? '').split(':').map(Number);
  return 60 * minutes + rest;
};
const says = (text: RegExp) => message().filter({ hasText: text }).waitFor();
const focused = () => page.evaluate<string>('document.activeElement?.id');

async function begin(): Promise<void> {
  await button('Start my demo').click();
  await left().waitFor();
  await says(/is ready/);
}

async function picture(name: string): Promise<void> {
  if (isTaken) await page.screenshot({ path: join(root, 'docs/images', `${name}.png`) });
}

test('a visitor has a demo in a frame, for as long as it says, and gives it back', async () => {
  await begin();
  await shop().getByRole('heading', { name: 'Corner Shop' }).waitFor();
  expect(await focused()).toBe('title');
  const [first, title] = [await seconds(), await page.title()];
  expect(first).toBeGreaterThan(590);
  expect(title).toMatch(/^(9:5\d|10:00) · Corner Shop$/);
  // It counts down by itself, and the demo is the visitor's own.
  await eventually(async () => (await page.title()) !== title, LONG_MS, 'the next second');
  await shop().getByRole('button', { name: 'Buy Compass' }).click();
  await shop().getByText('1 left').waitFor();
  await picture('try-it-now');

  await button('More time').click();
  await says(/goes on for 15 minutes/);
  expect(await seconds()).toBeGreaterThan(first + 200);

  // Whoever comes back finds it again.
  await page.reload();
  await shop().getByText('1 left').waitFor();
  expect(await seconds()).toBeGreaterThan(first);
  const other = await page.getByRole('link', { name: 'Open in a tab' }).getAttribute('href');
  expect(other).toBe(await page.locator('#frame').getAttribute('src'));

  await button('End').click();
  await says(/has ended/);
  expect(await focused()).toBe('start');
  expect(await left().isVisible()).toBe(false);
  await page.reload();
  expect(await button('Start my demo').isVisible()).toBe(true);
  await pool.full();
});

test('one that lasts as long as it may is not extended, and goes on', async () => {
  await begin();
  for (let count = 0; count < 4; count++) await button('More time').click();
  await says(/goes on for 30 minutes/);
  await button('More time').click();
  await says(/as long as a demo can last/);
  expect(await seconds()).toBeGreaterThan(1_700);
  await shop().getByRole('heading', { name: 'Corner Shop' }).waitFor();
  await button('End').click();
  await says(/has ended/);
  await pool.full();
});

test('while all are taken a visitor stands in line, is served in turn, and may leave', async () => {
  const taken = [await pool.inLine({}), await pool.inLine({})];
  await button('Start my demo').click();
  await page.getByRole('heading', { name: 'You are next' }).waitFor();
  expect(await focused()).toBe('leave');
  const second = await browser.context.newPage();
  await second.goto(site.url);
  await second.getByRole('button', { name: 'Start my demo' }).click();
  await second.getByRole('heading', { name: 'You are number 2 of 2' }).waitFor();
  await second.getByText('All demos are taken').waitFor();
  if (isTaken) {
    await second.setViewportSize({ width: 390, height: 720 });
    await second.screenshot({ path: join(root, 'docs/images/try-it-now-line.png') });
  }
  await second.getByRole('button', { name: 'Leave the line' }).click();
  await second.getByRole('status').filter({ hasText: 'left the line' }).waitFor();
  await second.close();

  const [one, two] = taken;
  if (one) await pool.release(one.claim);
  await shop().getByRole('heading', { name: 'Corner Shop' }).waitFor();
  if (two) await pool.release(two.claim);
  await page.setViewportSize({ width: 390, height: 720 });
  await picture('try-it-now-phone');
  // Nothing sticks out to the side on a phone.
  const wide = () => page.evaluate<number>('document.documentElement.scrollWidth');
  expect(await wide()).toBeLessThanOrEqual(390);
  await page.setViewportSize({ width: 320, height: 600 });
  expect(await wide()).toBeLessThanOrEqual(320);
  await button('End').click();
  await says(/has ended/);
  await pool.full();
});

test('a demo that ends by itself says so', async () => {
  await begin();
  const ticket = await page.evaluate<string>("localStorage.getItem('demo-ticket')");
  const [id = ''] = ticket.split('.');
  await pool.release({ id, until: '' });
  await says(/Your demo has ended/);
  expect(await button('Start my demo').isVisible()).toBe(true);
  await pool.full();
});

test('where there are none the visitor is told so in words, and can try again', async () => {
  const nowhere = await serve({ SHOAL_GATEWAY: 'http://127.0.0.1:9' });
  await page.goto(nowhere.url);
  await button('Start my demo').click();
  await says(/not available at the moment/);
  expect(await button('Start my demo').isVisible()).toBe(true);
  expect(await focused()).toBe('start');
});

test('a ticket that nobody gave out opens nothing', async () => {
  const { claim } = await pool.inLine({});
  for (const ticket of [claim.id, `${claim.id}.`, `${claim.id}.AAAA`]) {
    const url = `${site.url}demo/${ticket}`;
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(404);
    expect((await fetch(`${url}/extend`, { method: 'POST' })).status).toBe(404);
    expect(await (await fetch(url)).text()).toBe('event: over\ndata: {}\n\n');
  }
  await pool.release(claim);
  await pool.full();
});
