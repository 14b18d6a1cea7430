/**
 * On a real server: a work item that ends its process before it can fail, and one that the server
 * keeps and delivers no more. Neither stays unseen in WORK.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../../actors/runtime/ask.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import type { NatsPorts } from '../../actors/runtime/nats/ports.ts';
import { viewsCurrent } from '../../actors/runtime/nats/process.ts';
import type { View } from '../../actors/runtime/view.ts';
import { Views } from '../../actors/runtime/views.ts';
import { address, deadRecord, deadReplay, encode, placeWork } from '../../subjects/index.ts';
import type { Identity } from '../../subjects/permissions.ts';
import { type NatsFixture, natsFixture } from '../support/nats.ts';
import { eventually } from '../support/ports.ts';

const control: Identity = { role: 'control', name: 'test' };
const operator: Identity = { role: 'operator', name: 'operator' };
const program = fileURLToPath(new URL('../support/taster.ts', import.meta.url));
/** The exit code of a taster that met poison. */
const POISONED = 66;

describe('work on a real server', () => {
  let fixture: NatsFixture;
  let ports: NatsPorts & Awaited<ReturnType<NatsFixture['ports']>>;
  let letters: View<typeof deadRecord>;
  let child: ChildProcess | undefined;
  let done: string[] = [];
  let crashes = 0;

  beforeAll(async () => {
    fixture = await natsFixture([control, operator], { isOpen: true });
    ports = await fixture.ports(control);
    const views = new Views(ports.store, ports.clock, silentLog);
    letters = views.follow(deadRecord);
    await viewsCurrent(views);
  });
  afterEach(async () => {
    const last = child;
    child = undefined;
    if (!last || last.exitCode !== null || last.signalCode !== null) return;
    const ended = new Promise((resolve) => last.once('exit', resolve));
    last.kill('SIGKILL');
    await ended;
  });
  afterAll(async () => fixture?.[Symbol.asyncDispose]());

  /** A taster that is started again each time it ends, as a supervisor would. */
  const taster = (mood: 'deadly' | 'mended'): void => {
    const seed = `${fixture.folder}/keys/control-test.nk`;
    const one = fork(program, [fixture.url, seed, mood], { execArgv: ['--import', 'tsx'] });
    child = one;
    one.on('message', (message) => void done.push(String(message)));
    one.on('exit', (code) => {
      if (code === POISONED) crashes++;
      if (child === one) taster(mood);
    });
  };
  const put = (workload: string) =>
    new Promise<string>((resolve) => {
      const subject = address(placeWork, { priority: 'normal', tenant: 'default', workload });
      const body = encode(placeWork, { reason: 'a test' });
      ports.queue.put({ subject, body, headers: {} }, resolve);
    });

  test('an item that ends its process becomes a letter; others are done; it can be put back', async () => {
    for (const name of ['poison', 'one', 'two']) expect(await put(name)).toBe('queued');
    taster('deadly');
    const final = () =>
      [...letters.entries()].map(({ value }) => value).find((each) => each.trials === undefined);
    await eventually(() => final() !== undefined, 90_000, 'the letter');
    await put('three');
    await eventually(() => done.includes('three'), 20_000, 'what comes later');
    // The others are done too: a process that ends may not have told all it did.
    const manager = await jetstreamManager(ports.connection);
    const isEmpty = async () => (await manager.streams.info('WORK')).state.messages === 0;
    await eventually(isEmpty, 10_000, 'an empty queue');
    expect(crashes).toBe(5);
    const letter = final();
    expect(letter).toMatchObject({
      ...{ actor: 'taster', contract: 'work.place', payload: { reason: 'a test' } },
      about: 'shoal.work.place.normal.default.poison',
      reason: { detail: 'it ended its process 3 times in a row before it could fail' },
    });
    expect([...letters.entries()]).toHaveLength(1);
    // Repaired: it is put back, and done.
    const deadly = child;
    child = undefined;
    const ended = new Promise((resolve) => deadly?.once('exit', resolve));
    deadly?.kill('SIGKILL');
    await ended;
    done = [];
    taster('mended');
    const tokens = { actor: 'taster', letter: letter?.letter ?? '' };
    const { answer } = await ask(ports, deadReplay, tokens, {}, { withinMs: 30_000 });
    expect(answer).toMatchObject({ ok: true });
    await eventually(() => done.includes('poison'), 10_000, 'the item');
    await eventually(() => [...letters.entries()].length === 0, 10_000, 'no letter');
  });

  test('an item that the server keeps and delivers no more comes again', async () => {
    const manager = await jetstreamManager(ports.connection);
    await manager.consumers.delete('WORK', 'taster-high').catch(() => 0);
    // As somebody might who knows the `nats` command.
    const consumer = 'stuck-normal';
    const pattern = 'shoal.work.place.high.>';
    await manager.consumers.add('WORK', {
      ...{ durable_name: consumer, filter_subject: pattern, ack_policy: 'explicit' },
      ...{ ack_wait: 200_000_000, max_deliver: 1 },
    } as never);
    const subject = 'shoal.work.place.high.default.stuck';
    const body = encode(placeWork, { reason: 'a test' });
    await new Promise((resolve) => ports.queue.put({ subject, body, headers: {} }, resolve));
    const inbox = 'test.stuck';
    let delivered = 0;
    ports.connection.subscribe(inbox, { callback: () => void delivered++ });
    ports.connection.publish(`$JS.API.CONSUMER.MSG.NEXT.WORK.${consumer}`, '1', { reply: inbox });
    await eventually(() => delivered > 0, 5_000, 'the only delivery');
    await eventually(async () => {
      const { num_pending, num_ack_pending } = await manager.consumers.info('WORK', consumer);
      return num_pending + num_ack_pending === 0;
    }, 10_000);
    expect((await manager.streams.info('WORK')).state.messages).toBe(1);
    const items: string[] = [];
    const of = { consumer, pattern, ackWaitMs: 5_000 };
    const close = ports.queue.take(of, 4, (item) => {
      items.push(item.message.subject);
      item.ack();
    });
    await eventually(() => items.length > 0, 90_000, 'the item');
    close();
    await eventually(
      async () => (await manager.streams.info('WORK')).state.messages === 0,
      5_000,
      'an empty queue',
    );
  });
});
