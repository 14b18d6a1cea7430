/** Who reads the store and is killed leaves consumers on the server: they end by themselves. */
import { expect, test } from 'vitest';
import { fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

/** They end ten seconds after nobody listens (push-consumer.ts), by the server's round of looking. */
const ENDED_MS = 30_000;

test('a control plane that is killed again and again leaves none for good', async () => {
  await using under = await fabricUnderTest(['n1'], { hasGateway: false, isKept: true });
  const { connection } = under.bus;
  const consumers = async (): Promise<number> => {
    const answer = await connection.request('$JS.API.STREAM.INFO.KV_shoal');
    const { state } = answer.json<{ readonly state: { readonly consumer_count: number } }>();
    return state.consumer_count;
  };
  const before = await consumers();
  const child = under.fabric.child('control');
  let most = 0;
  for (let round = 0; round < 3; round++) {
    const { pid } = child;
    process.kill(pid as number, 'SIGKILL');
    await eventually(() => child.pid !== undefined && child.pid !== pid, 10_000, 'another one');
    await eventually(async () => {
      most = Math.max(most, await consumers());
      const answer = await under.apply(`w${round}`, { count: 1, command: ['sleep', '60'] });
      return answer.ok;
    }, 20_000);
  }
  // Otherwise nothing was left behind, and this shows nothing.
  expect(most).toBeGreaterThan(before);
  await eventually(async () => (await consumers()) === before, ENDED_MS, `${before} consumers`);
});
