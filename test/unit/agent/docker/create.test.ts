/** A start gets its container although an earlier one left another of its name. */
import { expect, test } from 'vitest';
import { createContainer } from '../../../../edge-agent/drivers/docker/create.ts';
import { say, scriptedEngine } from '../../../support/scripted-engine.ts';

const never = async (): Promise<void> => expect.unreachable('its image is here');

test.each([409, 500])('a name that is taken, told with %d, is made free', async (status) => {
  let isTaken = true;
  await using scripted = await scriptedEngine((asked, response) => {
    if (asked.startsWith('DELETE')) isTaken = false;
    if (asked.startsWith('DELETE')) return void response.writeHead(204).end();
    if (asked.startsWith('GET')) return say(response, isTaken ? 200 : 404, { Id: 'c1' });
    say(response, isTaken ? status : 201, { Id: 'c1', message: 'the name "web-1" is in use' });
  });
  await createContainer(scripted.engine, { name: 'web-1', Image: 'app:1' }, never);
  expect(scripted.asked).toContain('DELETE /containers/web-1');
});

test('a name that is taken by what is being made still is asked for again', async () => {
  let tries = 0;
  await using scripted = await scriptedEngine((asked, response) => {
    // It cannot be removed before it is there, and then it is gone.
    if (asked.startsWith('DELETE')) return say(response, 404, { message: 'no such container' });
    tries++;
    say(response, tries < 3 ? 409 : 201, { Id: 'c1', message: 'the name "web-1" is in use' });
  });
  await createContainer(scripted.engine, { name: 'web-1', Image: 'app:1' }, never);
  expect(tries).toBe(3);
});

test('what cannot be made for another reason is said, and nothing is removed', async () => {
  await using scripted = await scriptedEngine((asked, response) => {
    if (asked.startsWith('GET')) return say(response, 404, { message: 'no such container' });
    say(response, 500, { message: 'no space left on device' });
  });
  const made = createContainer(scripted.engine, { name: 'web-1', Image: 'app:1' }, never);
  await expect(made).rejects.toThrow('no space left on device');
  expect(scripted.asked.filter((each) => each.startsWith('DELETE'))).toEqual([]);
});
