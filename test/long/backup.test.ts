/** A backup holds the whole state, and a restored fabric goes on from it without running anything twice. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RAISE } from '../../cli/backup/raise.ts';
import { backupOrder } from '../../cli/backup/take.ts';
import { runCommandLine } from '../../cli/program.ts';
import type { Shell } from '../../cli/shell.ts';
import { instancesOf } from '../../local/instances.ts';
import { storeFolder } from '../../local/servers.ts';
import type { Identity } from '../../subjects/permissions.ts';
import { fabricUnderTest } from '../support/fabric.ts';
import { type NatsFixture, natsFixture } from '../support/nats.ts';
import { noTerminal } from '../support/no-terminal.ts';
import { eventually } from '../support/ports.ts';

const identities: readonly Identity[] = [
  { role: 'control', name: 'control' },
  { role: 'operator', name: 'operator' },
];
let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-test-backup-'));
  file = join(folder, 'state.backup');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Bus {
  readonly url: string;
  readonly keys: string;
}
const busOf = (nats: NatsFixture): Bus => ({ url: nats.url, keys: join(nats.folder, 'keys') });

async function shoal(bus: Bus, words: string, signal = new AbortController().signal) {
  const said = { out: '', err: '' };
  const key = words.startsWith('restore') ? 'control-control.nk' : 'operator-operator.nk';
  const shell: Shell = {
    out: (text) => {
      said.out += `${text}\n`;
    },
    err: (text) => {
      said.err += `${text}\n`;
    },
    now: Date.now,
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    stdin: async () => new Uint8Array(),
    edit: () => Promise.reject(new Error('nobody edits')),
    terminal: noTerminal(),
    environment: { SHOAL_NATS: bus.url, SHOAL_SEED: join(bus.keys, key) },
    signal,
    signals: { take: () => () => undefined },
  };
  return { code: await runCommandLine(words.split(' '), shell), ...said };
}

interface Info {
  readonly config: Readonly<Record<string, unknown>>;
  readonly state: Readonly<Record<string, unknown>>;
}
type Connection = Awaited<ReturnType<NatsFixture['connect']>>;
const info = async (connection: Connection, stream: string): Promise<Info> =>
  (await connection.request(`$JS.API.STREAM.INFO.${stream}`, '')).json();

/** Every message of a stream as it stands, with its sequence. */
async function contents(connection: Connection, stream: string): Promise<readonly string[]> {
  const { state } = await info(connection, stream);
  const found: string[] = [];
  for (let seq = Number(state['first_seq']); seq <= Number(state['last_seq']); seq += 500) {
    const asks = Array.from({ length: 500 }, async (_, index) => {
      const body = JSON.stringify({ seq: seq + index });
      const answer = await connection.request(`$JS.API.STREAM.MSG.GET.${stream}`, body);
      const { message } = answer.json<{ message?: { subject: string; data?: string } }>();
      return message && `${seq + index} ${message.subject} ${message.data ?? ''}`;
    });
    for (const each of await Promise.all(asks)) if (each) found.push(each);
  }
  return found;
}

/** Ten thousand keys, some of them changed and deleted, and logs of several megabytes. */
async function fillStore(connection: Connection): Promise<void> {
  const all: Promise<unknown>[] = [];
  const say = (subject: string, body: string | Uint8Array) =>
    all.push(connection.request(subject, body, { timeout: 20_000 }));
  for (let index = 0; index < 10_000; index++) {
    say(`$KV.shoal.workload.default.w-${index}`, `{"value":${index}}`);
    if (index % 10 === 0) say(`$KV.shoal.workload.default.w-${index}`, `{"value":-${index}}`);
    if (index % 500 === 499) await Promise.all(all.splice(0));
  }
  for (let index = 0; index < 3_000; index++) {
    say(`shoal.log.default.w.i-${index % 7}`, Buffer.alloc(2_000, index % 251));
    if (index % 500 === 499) await Promise.all(all.splice(0));
  }
  say('shoal.event.default.workload.a.created', 'x');
  say('shoal.work.place.normal.default.a', 'x');
  await Promise.all(all);
}

describe('a backup', () => {
  test('of ten thousand keys and logs is restored message by message, sequence by sequence', async () => {
    await using before = await natsFixture(identities, { isOpen: true });
    const old = await before.connect(identities[0] as Identity);
    await fillStore(old);
    const made = await shoal(busOf(before), `backup ${file}`);
    expect(made).toMatchObject({ code: 0 });
    expect(made.err.trim().split('\n')).toHaveLength(backupOrder().length);
    expect(made.out).toMatch(/whole, of .*, 0 nodes\nSTREAM +MESSAGES +SEQUENCE +BYTES\n/);
    expect(await readdir(folder)).toEqual(['state.backup']);
    expect(await shoal(busOf(before), `backup verify ${file}`)).toMatchObject({ code: 0, err: '' });

    await using after = await natsFixture(identities, { isOpen: false, hasStreams: false });
    const restored = await shoal(busOf(after), `restore ${file}`);
    expect([restored.code, restored.err]).toEqual([0, expect.stringContaining('KV_shoal: 10000')]);
    const fresh = await after.connect(identities[0] as Identity);
    for (const stream of backupOrder()) {
      const [one, other] = [await info(old, stream), await info(fresh, stream)];
      const counts = [
        'messages',
        'bytes',
        'last_seq',
        ...(one.state['messages'] ? ['first_seq'] : []),
      ];
      for (const each of counts)
        expect(other.state[each], `${stream} ${each}`).toBe(one.state[each]);
      for (const each of ['subjects', 'max_bytes', 'republish', 'allow_atomic'])
        expect(other.config[each], `${stream} ${each}`).toEqual(one.config[each]);
    }
    for (const stream of ['KV_shoal', 'LOGS', 'WORK']) {
      expect(await contents(fresh, stream)).toEqual(await contents(old, stream));
    }
    // Not over what is there.
    const again = await shoal(busOf(after), `restore ${file}`);
    expect([again.code, again.err]).toEqual([
      1,
      expect.stringMatching(/has streams already \(.*KV_shoal\); start it with an empty store_dir/),
    ]);
  });

  test('taken while both buckets are written to a thousand times a second holds one moment of each', async () => {
    await using busy = await natsFixture(identities, { isOpen: true });
    const writer = await busy.connect(identities[0] as Identity);
    const written: [bucket: string, sequence: number, subject: string, body: string][] = [];
    const write = async (bucket: string, key: string, body: string) => {
      const subject = `$KV.${bucket}.${key}`;
      const answer = await writer.request(subject, body, { timeout: 20_000 });
      const { seq } = answer.json<{ seq: number }>();
      written.push([bucket, seq, subject, body]);
    };
    const buckets = ['shoal', 'shoal-observed'];
    for (const bucket of buckets) {
      for (let key = 0; key < 15; key++) await write(bucket, `k.${key}`, 'x'.repeat(200));
    }
    let isOn = true;
    const hammers = buckets.map(async (bucket) => {
      for (let turn = 0; isOn; turn++) {
        await write(bucket, `k.${turn % 6}`, `${turn} ${'y'.repeat(200)}`);
        // Written once and never again: nothing newer hides that it is missing.
        if (turn % 5 === 0) await write(bucket, `once.${turn}`, `${turn}`);
        await new Promise((resolve) => setTimeout(resolve, 0.5));
      }
    });
    await using _stopped = {
      [Symbol.asyncDispose]: async () => {
        isOn = false;
        await Promise.all(hammers);
      },
    };
    for (let round = 0; round < 8; round++) {
      const made = await shoal(busOf(busy), `backup ${file} --force -o json`);
      expect(made).toMatchObject({ code: 0 });
      const { streams } = JSON.parse(made.out) as {
        streams: { name: string; lastSequence: number }[];
      };
      await using after = await natsFixture(identities, { isOpen: false, hasStreams: false });
      const back = await shoal(busOf(after), `restore ${file}`);
      expect(back).toMatchObject({ code: 0 });
      const fresh = await after.connect(identities[0] as Identity);
      for (const bucket of buckets) {
        const stream = `KV_${bucket}`;
        const last = streams.find(({ name }) => name === stream)?.lastSequence ?? 0;
        const newest = new Map<string, { readonly seq: number; readonly data: string }>();
        for (const [of, seq, subject, body] of written) {
          const data = Buffer.from(body).toString('base64');
          if (of === bucket && seq <= last) newest.set(subject, { seq, data });
        }
        for (const [subject, message] of newest) {
          const ask = JSON.stringify({ last_by_subj: subject });
          const answer = await fresh.request(`$JS.API.STREAM.MSG.GET.${stream}`, ask);
          const { message: found } = answer.json<{ message?: { seq: number; data: string } }>();
          expect([subject, found?.data]).toEqual([subject, message.data]);
          // What the server had counted and not yet copied stands after all others.
          if (found?.seq !== message.seq) expect(found?.seq).toBeGreaterThan(last);
        }
        const { config, state } = await info(fresh, stream);
        expect(state['messages']).toBe(newest.size);
        expect(state['last_seq']).toBeGreaterThanOrEqual(last);
        expect(config).toMatchObject({ subjects: [`$KV.${bucket}.>`] });
        expect(config).not.toHaveProperty('subject_transform');
      }
    }
  });

  test('is there as a whole or not at all', async () => {
    await using nats = await natsFixture(identities, { isOpen: true });
    await fillStore(await nats.connect(identities[0] as Identity));
    const interrupted = new AbortController();
    const stopped = shoal(busOf(nats), `backup ${file}`, interrupted.signal);
    await eventually(async () => (await readdir(folder)).length > 0);
    interrupted.abort();
    expect((await stopped).code).toBe(130);
    expect(await readdir(folder)).toEqual([]);

    await writeFile(file, 'mine');
    const refused = await shoal(busOf(nats), `backup ${file}`);
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('--force') });
    expect(await readFile(file, 'utf8')).toBe('mine');
    expect((await shoal(busOf(nats), `backup ${file} --force`)).code).toBe(0);
    expect((await shoal(busOf(nats), `backup verify ${file}`)).code).toBe(0);
  });

  test('that was damaged is refused; a whole one is restored, without what is too old by then', async () => {
    await using nats = await natsFixture(identities, { isOpen: true });
    const connection = await nats.connect(identities[0] as Identity);
    const { config } = await info(connection, 'EVENTS');
    const forgetful = { ...config, max_age: 1e9, duplicate_window: 1e9 };
    await connection.request('$JS.API.STREAM.UPDATE.EVENTS', JSON.stringify(forgetful));
    await connection.request('shoal.event.default.workload.a.created', 'x');
    expect((await shoal(busOf(nats), `backup ${file}`)).out).toMatch(/^EVENTS +1 +1 /m);
    const whole = await readFile(file);
    await using empty = await natsFixture(identities, { hasStreams: false });
    for (const bad of [whole.subarray(0, -1), whole.subarray(0, 2_000), Buffer.from('x')]) {
      await writeFile(file, bad);
      for (const command of ['backup verify', 'restore']) {
        const told = await shoal(busOf(empty), `${command} ${file}`);
        expect([told.code, told.err]).toEqual([1, expect.stringContaining('use another backup')]);
      }
    }
    await writeFile(file, whole);
    await eventually(async () => (await info(connection, 'EVENTS')).state['messages'] === 0);
    const restored = await shoal(busOf(empty), `restore ${file}`);
    expect(restored).toMatchObject({
      code: 0,
      err: expect.stringMatching(/^EVENTS: .* sequence 1$/m),
    });
  });
});

test.each([1, 3] as const)(
  'a fabric of %i goes on from a backup: what ran is adopted, what came later ends, nothing runs twice',
  async (servers) => {
    await using under = await fabricUnderTest(['n1', 'n2'], { hasGateway: true, servers });
    const { fabric } = under;
    const bus = { url: fabric.natsUrls.join(), keys: fabric.layout.keys };
    const put = async (name: string, count: number) => {
      const spec = { count, command: ['sleep', '600'], resources: { cpu: '10m', memory: '1Mi' } };
      const body = { apiVersion: 'shoal/v1', kind: 'service', metadata: { name }, spec };
      const response = await fetch(`${fabric.gatewayUrl}/api/v1/workloads/${name}`, {
        ...{ method: 'PUT', headers: { 'content-type': 'application/json' } },
        body: JSON.stringify(body),
      });
      expect(response.ok).toBe(true);
    };
    const running = async (): Promise<readonly string[]> => {
      const found: string[] = [];
      for (const node of ['n1', 'n2']) {
        for (const { name } of await instancesOf(fabric.layout.agent(node))) found.push(name);
      }
      return found.sort();
    };
    await put('stays', 2);
    await eventually(() => under.ready('stays').length === 2, 20_000, 'two ready instances');
    // An instance counts as ready a moment before its folder names its process.
    await eventually(async () => (await running()).length === 2, 5_000, 'two processes');
    const before = await running();
    const epochs = under.ready('stays').map((each) => each.epoch);
    expect((await shoal(bus, `backup ${file}`)).code).toBe(0);
    // While it runs, nothing is put back.
    const refused = await shoal(bus, `restore ${file}`);
    expect([refused.code, refused.err]).toEqual([
      1,
      expect.stringMatching(/shoal-agent n1, .*stop/),
    ]);
    await put('later', 2);
    await eventually(() => under.ready('later').length === 2, 20_000, 'two more');

    // Everything but what runs is stopped, and the store is lost.
    for (const name of ['gateway', 'control', 'agent-n1', 'agent-n2', ...fabric.servers]) {
      await fabric.child(name).stop('SIGKILL');
    }
    for (const index of fabric.servers.keys()) {
      await rm(storeFolder(fabric.layout, index), { recursive: true });
    }
    await fabric.startNats();
    const putBack = `restore ${file} --replicas ${servers}`;
    const back = await shoal(bus, putBack);
    expect([back.code, back.err]).toEqual([0, expect.stringContaining('raised epochs')]);
    // Together: a node that is not heard within three seconds is given up, and what it runs replaced.
    await Promise.all([
      ...[fabric.startControl(), fabric.startGateway()],
      ...[fabric.startAgent('n1'), fabric.startAgent('n2')],
    ]);

    const items = async () => {
      const response = await fetch(`${fabric.gatewayUrl}/api/v1/instances`);
      const body = (await response.json()) as {
        items: { instance: string; phase: string; epoch: number; workload: string }[];
      };
      return body.items;
    };
    const isSettled = async () => {
      const all = await items();
      return all.length === 2 && all.every((each) => each.phase === 'ready');
    };
    await eventually(isSettled, 30_000, 'what was wanted then to be ready');
    expect(new Set((await items()).map((each) => each.workload))).toEqual(new Set(['stays']));
    for (const each of await items()) {
      expect(each.epoch).toBeGreaterThanOrEqual(RAISE + Math.min(...epochs));
    }
    // The same processes as before; those that came later have ended.
    await eventually(async () => (await running()).length === before.length, 20_000, 'no others');
    expect(await running()).toEqual(before);
    await put('new', 1);
    await eventually(async () => (await items()).length === 3, 20_000, 'new work');
    const health = await fetch(`${fabric.gatewayUrl}/health`);
    expect(await health.json()).toMatchObject({ durability: { replicas: servers } });
  },
);
