/** `make demo-pool`: it shows what pools do, and however it ends nothing is left running. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Place } from '../support/fabric-folder.ts';

let place: Place;
beforeEach(async () => {
  place = await Place.makeForDemo();
});
afterEach(async () => {
  expect(await place.processes()).toEqual([]);
  await place[Symbol.asyncDispose]();
});

test('goes through, says each step and what all that took', async () => {
  const { code, out, err } = await place.run('demo-pool');
  expect([code, err]).toEqual([0, '']);
  const [steps = '', table = ''] = out.split('\n\n');
  expect(steps.split('\n').filter((line) => !/^ +\d+\.\ds {2}\S/.test(line))).toEqual([]);
  expect(steps).toMatch(/a visitor was given http:\/\/demo-\w{10}\.demo\.localhost:\d+\/: "Corner/);
  expect(steps).toMatch(/40 of 40 claims, one after another/);
  expect(steps).toMatch(
    /200 callers at once: \d+ were given a slot each, none twice, \d+ heard pool-e/,
  );
  expect(steps).toMatch(/12 demos are taken/);
  expect(steps).toMatch(/number 1 of 1 in line, .*; served \d+\.\d s after one was given back/);
  expect(steps).toMatch(/a claim of 2 s ended \d+ ms after its time/);
  expect(
    table.match(/^(claim|release|200|served|end)[^\d]* .* +\d+ +\d+\.\d +\d+\.\d$/gm),
  ).toHaveLength(5);
});

test('with KEEP=1 it stays, to be opened, until Ctrl-C', async () => {
  const demo = place.start('demo-pool', { KEEP: '1' });
  await demo.says(/the page is served/);
  for (const step of [/40 of 40/, /callers at once/, /in line/, /is given back/])
    await demo.says(step);
  await demo.says(/^open (\S+) \(Ctrl-C/m);
  const url = /^open (\S+)/m.exec(demo.out)?.[1] ?? '';
  expect(await (await fetch(url)).text()).toContain('Start my demo');
  demo.child.kill('SIGINT');
  const { code, out, err } = await demo.end();
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(/stopped everything\n/);
});

test('is told when the page dies by itself', async () => {
  const demo = place.start('demo-pool');
  // From then on nobody asks it anything: that it is gone is seen, not felt.
  await demo.says(/a visitor was given/);
  const pid = await readFile(join(place.state, 'demo-pool/run/page'), 'utf8');
  process.kill(Number(pid), 'SIGKILL');
  const { code, err } = await demo.end();
  expect(code).toBe(1);
  expect(err).toMatch(/^failed to .*: page ended by SIGKILL by itself\n/);
  expect(err.endsWith('stopped everything\n')).toBe(true);
});
