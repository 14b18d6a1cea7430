/** What a user may not do on the bus is said in its program's log, once for each subject. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type LogFields, silentLog } from '../../actors/runtime/log.ts';
import { joinBus } from '../../actors/runtime/nats/process.ts';
import { natsFixture } from '../support/nats.ts';
import { eventually } from '../support/ports.ts';

test('a subject that is not allowed is told once', async () => {
  const identity = { role: 'gateway', name: 'gateway' } as const;
  await using fixture = await natsFixture([identity]);
  const errors: (LogFields & { readonly message: string })[] = [];
  const log = {
    ...silentLog,
    error: (message: string, fields = {}) => void errors.push({ message, ...fields }),
  };
  const seedFile = join(fixture.folder, 'keys', 'gateway-gateway.nk');
  const settings = { servers: [fixture.url], seedFile };
  const { connection } = await joinBus(settings, identity, { log });
  try {
    for (const subject of ['$KV.shoal.workload.a.b', '$KV.shoal.workload.a.b', 'elsewhere']) {
      connection.publish(subject, 'x');
    }
    await eventually(() => errors.length === 2, 5_000, 'two errors');
    expect(errors.map(({ subject, reason }) => `${reason} ${subject}`)).toEqual([
      'publish $KV.shoal.workload.a.b',
      'publish elsewhere',
    ]);
    expect(errors[0]?.message).toContain('users of this version');
  } finally {
    await connection.close();
  }
});
