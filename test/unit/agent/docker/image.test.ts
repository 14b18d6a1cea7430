/** What an agent pulled is its own to remove, unless the engine said that it could not be pulled. */
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { obtainImage } from '../../../../edge-agent/drivers/docker/image.ts';
import type { PullEnd } from '../../../../edge-agent/drivers/docker/images.ts';
import { say, scriptedEngine } from '../../../support/scripted-engine.ts';
import { service } from '../../../support/specs.ts';

const LINE = `${JSON.stringify({ id: 'a', status: 'Downloading' })}\n`;

test('what can be done about a refusal is told whole, however much an engine says before', async () => {
  const said = `initializing ${'source '.repeat(30)}: unauthorized: authentication required`;
  await using scripted = await scriptedEngine((asked, response) => {
    say(response, asked.startsWith('POST') ? 500 : 404, { message: said });
  });
  const image = 'registry.test/app:1';
  const wanted = {
    ...{ engine: scripted.engine, spec: service(1, { driver: 'docker', image }).spec },
    ...{ stop: new AbortController().signal, holder: { folder: '/nowhere', tenant: 'default' } },
    ...{ images: { pulling: async () => async () => undefined }, tell: () => undefined },
  };
  const told = await obtainImage(wanted).catch((error: Error) => error.message);
  expect(told).toMatch(/^image registry.test\/app:1 cannot be pulled: …/);
  expect(told).toMatch(
    /authentication required; `docker login registry.test` on this node, or set SHOAL_DOCKER_CONFIG$/,
  );
  expect(told).toHaveLength(300);
});

test.each<readonly [string, PullEnd, (response: ServerResponse) => void]>([
  ['breaks off', 'unknown', (to) => to.write(LINE, () => to.socket?.destroy())],
  ['is not answered', 'unknown', (to) => to.socket?.destroy()],
  ['ends in the middle of a line', 'unknown', (to) => to.end(`${LINE}{"id":"a`)],
  [
    'is said to have failed',
    'refused',
    (to) => to.end(`${LINE}${JSON.stringify({ error: 'no' })}\n`),
  ],
  ['is refused', 'refused', (to) => say(to, 404, { message: 'not found' })],
])('a pull that %s: its end is %s', async (_what, end, pull) => {
  await using scripted = await scriptedEngine((asked, response) => {
    if (asked.startsWith('POST')) pull(response);
    else say(response, 404, { message: 'no such image' });
  });
  const ends: PullEnd[] = [];
  const pulling = async () => async (each: PullEnd) => void ends.push(each);
  const wanted = {
    ...{
      engine: scripted.engine,
      spec: service(1, { driver: 'docker', image: 'registry.test/app:1' }).spec,
    },
    ...{ stop: new AbortController().signal, images: { pulling } },
    holder: { folder: '/nowhere', tenant: 'default' },
    tell: () => undefined,
  };
  await expect(obtainImage(wanted)).rejects.toThrow('image registry.test/app:1 cannot be pulled: ');
  expect(ends).toEqual([end]);
});
