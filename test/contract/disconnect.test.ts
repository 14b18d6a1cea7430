/** The server tells the control plane when a connection ends, and which one it was. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { busDisconnected, decode, type PayloadOf } from '../../subjects/index.ts';
import type { Identity } from '../../subjects/permissions.ts';
import { type NatsFixture, natsFixture } from '../support/nats.ts';
import { eventually } from '../support/ports.ts';

const control: Identity = { role: 'control', name: 'test' };
const agent: Identity = { role: 'agent', name: 'n1' };
let fixture: NatsFixture;

beforeAll(async () => {
  fixture = await natsFixture([control, agent]);
});
afterAll(async () => fixture?.[Symbol.asyncDispose]());

test('a disconnect names the connection by server and client, as beats do', async () => {
  const watcher = await fixture.connect(control);
  const notices: PayloadOf<typeof busDisconnected>[] = [];
  const unreadable: string[] = [];
  watcher.subscribe(busDisconnected.subject.text, {
    callback: (_error, message) => {
      const decoded = decode(busDisconnected, message.data);
      if (decoded.ok) notices.push(decoded.value);
      else unreadable.push(decoded.reason);
    },
  });
  await watcher.flush();
  const leaving = await fixture.connect(agent);
  const staying = await fixture.connect(agent);
  const { client_id: client, server_id: server } = leaving.info ?? {};
  await leaving.close();
  await eventually(() => notices.length > 0, 5_000, 'the notice');
  expect(unreadable).toEqual([]);
  expect(notices).toHaveLength(1);
  expect(notices[0]).toMatchObject({ server: { id: server }, client: { id: client } });
  expect(notices[0]?.client.name).toBe('agent:n1');
  expect(staying.info?.client_id).not.toBe(client);
});

test('nobody can forge a notice', async () => {
  const watcher = await fixture.connect(control);
  let notices = 0;
  watcher.subscribe(busDisconnected.subject.text, { callback: () => void notices++ });
  await watcher.flush();
  const forger = await fixture.connect(agent);
  forger.publish(busDisconnected.subject.text, '{"server":{"id":"x"},"client":{"id":1}}');
  await forger.flush();
  await watcher.flush();
  expect(notices).toBe(0);
});
