/** How what is kept elsewhere is told in `/health`, which stays well whatever becomes of that. */
import { afterEach, expect, test } from 'vitest';
import { apiServer } from '../../../gateway/http/server.ts';
import type { Known } from '../../../gateway/known.ts';
import { type Looked, Upkeep } from '../../../gateway/upkeep.ts';
import { eventually } from '../../support/ports.ts';
import { Hand, insideOf } from './behind.ts';

const closes: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0)) await close();
});

test('what fails outside is told with its reason, and the gateway is well all the same', async () => {
  const inside = insideOf(new Hand());
  const api = await apiServer(inside, { requestsPerSecond: 1_000 });
  closes.push(() => api.close());
  const health = async () => {
    const { statusCode, ...reply } = await api.inject('/health');
    const { status, outside } = reply.json();
    return { statusCode, status, outside };
  };
  const well = { statusCode: 200, status: 'ok' };
  expect(await health()).toEqual({ ...well, outside: [] });

  let look = (): Promise<Looked> => Promise.reject(new Error('it is away'));
  const known = { isCurrent: true } as Known;
  const upkeep = new Upkeep(
    { ...inside, known },
    {
      ...{ what: 'caddy', address: 'http://127.0.0.1:2019', failing: 'fails', well: 'well' },
      ...{ batchMs: 1, sweepMs: 1, look: () => look() },
    },
  );
  const of = { what: 'caddy', address: 'http://127.0.0.1:2019' };
  expect(await health()).toEqual({ ...well, outside: [of] });
  upkeep.start();
  closes.push(() => upkeep.stop());
  await eventually(() => upkeep.state === 'failed');
  const since = expect.stringMatching(/^\d{4}-/);
  const failed = { ...of, state: 'failed', message: 'it is away', since };
  expect(await health()).toEqual({ ...well, outside: [failed] });
  look = async () => ({ state: 'kept', hasWritten: false, count: 3 });
  await eventually(() => upkeep.state === 'kept');
  expect(await health()).toEqual({ ...well, outside: [{ ...of, state: 'kept', since }] });
});
