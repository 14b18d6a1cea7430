/** How long an engine is waited for. */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import { say, scriptedEngine } from '../../../support/scripted-engine.ts';

afterEach(() => void vi.useRealTimers());

test.each([
  [20_000, 4096],
  [31_000, 'did not answer within 30 s'],
])('what a container has written, told after %d ms: %s', async (tookMs, outcome) => {
  const answers: ServerResponse[] = [];
  await using scripted = await scriptedEngine((_asked, response) => void answers.push(response));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const told = scripted.engine.written('web-1').catch((error: unknown) => String(error));
  while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await vi.advanceTimersByTimeAsync(tookMs);
  for (const each of answers) say(each, 200, { SizeRw: 4096 });
  const said = await told;
  if (typeof outcome === 'number') expect(said).toBe(outcome);
  else expect(said).toContain(outcome);
});

test('an engine that dies in the middle of its answer to an archive is not waited for after a stop', async () => {
  const stop = new AbortController();
  await using scripted = await scriptedEngine((_asked, response) => {
    response.writeHead(200);
    response.write('{', () => {
      response.destroy();
      // As by a limit of time: long after it.
      setTimeout(() => stop.abort(), 100);
    });
  });
  const put = scripted.engine.putArchive('web-1', Readable.from(['archive']), {
    ...{ path: '/', stop: stop.signal },
  });
  await expect(put).rejects.toThrow('not waited for');
});
