/** Every line reaches LOGS under its number, once, through crashes of the agent and of the bus. */
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '../../../../actors/runtime/log.ts';
import { type Bus, ID_HEADER, type Outgoing } from '../../../../actors/runtime/ports.ts';
import type { Printing } from '../../../../edge-agent/logs/position-book.ts';
import { LogShipper } from '../../../../edge-agent/logs/shipper.ts';
import { decode, type LogFrame, logFrame } from '../../../../subjects/index.ts';
import { eventually } from '../../../support/ports.ts';

/** LOGS as it keeps things: a message of an id it has is taken, and not kept again. */
class Stream implements Pick<Bus, 'append'> {
  readonly frames: LogFrame[] = [];
  readonly subjects = new Set<string>();
  readonly #ids = new Set<string>();
  /** What becomes of each append: stored and said, stored and not said, or neither. */
  fate: () => 'stored' | 'unheard' | 'lost' = () => 'stored';

  append(stream: string, message: Outgoing, done: (isStored: boolean) => void): void {
    expect(stream).toBe('LOGS');
    const fate = this.fate();
    if (fate !== 'lost') this.#keep(message);
    setImmediate(() => done(fate === 'stored'));
  }

  #keep(message: Outgoing): void {
    const id = message.headers[ID_HEADER] ?? '';
    expect(id).not.toBe('');
    if (this.#ids.has(id)) return;
    this.#ids.add(id);
    this.subjects.add(message.subject);
    const read = decode(logFrame, message.body);
    if (!read.ok) throw new Error(read.reason);
    this.frames.push(read.value);
  }

  /** Lines by number, of one output; a number that comes again must say the same. */
  lines(output: 'stdout' | 'stderr' = 'stdout'): readonly string[] {
    const lines: string[] = [];
    for (const frame of this.frames.filter((each) => each.stream === output)) {
      for (const [at, { text }] of frame.lines.entries()) {
        const number = frame.first + at;
        expect(number).toBeLessThanOrEqual(lines.length + 1);
        expect(lines[number - 1] ?? text).toBe(text);
        lines[number - 1] = text;
      }
    }
    return lines;
  }
}

let folder: string;
let stream: Stream;
let shipper: LogShipper;
const name = 'default.web-1';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-test-logs-'));
  stream = new Stream();
  shipper = ship();
});
afterEach(async () => {
  await shipper.close();
  await rm(folder, { recursive: true, force: true });
});

const ship = () => new LogShipper('n1', stream, silentLog);
const of = (epoch = 3): Printing => ({
  ...{ name, tenant: 'default', workload: 'web', instance: 'web-1', epoch, folder },
});
const print = (text: string | Uint8Array, output = 'stdout') =>
  appendFile(join(folder, output), text);

describe('output', () => {
  test('is sent in frames as the contract wants it, both outputs counted apart', async () => {
    await print('one\ntwo\n');
    await print('oops\n', 'stderr');
    await shipper.follow(of());
    await shipper.finish(name);
    expect(stream.lines()).toEqual(['one', 'two']);
    expect(stream.lines('stderr')).toEqual(['oops']);
    expect([...stream.subjects]).toEqual(['shoal.log.default.web.web-1']);
    expect(stream.frames.map((each) => [each.node, each.epoch, each.first])).toEqual([
      ['n1', 3, 1],
      ['n1', 3, 1],
    ]);
  });

  test('without a line end is sent when nothing follows any more', async () => {
    await print('whole\nhalf');
    await shipper.follow(of());
    await shipper.finish(name);
    expect(stream.lines()).toEqual(['whole', 'half']);
  });

  test('that was sent goes from its file, but for what somebody else still reads there', async () => {
    const much = `${'x'.repeat(8_191)}\n`.repeat(1_200);
    const first = async (output: string) =>
      (await readFile(join(folder, output))).subarray(0, 1).toString();
    const reader = shipper.held.follow(join(folder, 'stdout'), 0);
    await print(much);
    await shipper.follow(of());
    await eventually(() => stream.lines().length === 1_200, 20_000, 'the one to be sent');
    await print(much, 'stderr');
    await eventually(async () => (await first('stderr')) === '\0', 20_000, 'the other to go');
    expect(await first('stdout')).toBe('x');
    reader.close();
  });

  test('larger than a frame is several, and each fits', async () => {
    const lines = Array.from({ length: 3_000 }, (_, at) => `${at} ${'x'.repeat(at % 300)}`);
    await print(`${lines.join('\n')}\n`);
    await shipper.follow(of());
    await shipper.finish(name);
    expect(stream.lines()).toEqual(lines);
    expect(stream.frames.length).toBeGreaterThan(5);
  });

  test('of nobody is no error', async () => {
    await shipper.follow(of());
    await shipper.finish(name);
    await shipper.finish('default.nobody');
    expect(stream.frames).toEqual([]);
  });

  test('followed twice is sent once', async () => {
    await print('one\n');
    await shipper.follow(of());
    await shipper.follow(of());
    await shipper.finish(name);
    expect(stream.frames).toHaveLength(1);
  });
});

describe('numbers', () => {
  test('go on without a gap when the agent was restarted', async () => {
    await print('one\ntwo\nthr');
    await shipper.follow(of());
    await shipper.finish(name);
    // What stood there without its end was told as a line of its own.
    await shipper.close();
    await print('four\n');
    shipper = ship();
    await shipper.follow(of());
    await shipper.finish(name);
    expect(stream.lines()).toEqual(['one', 'two', 'thr', 'four']);
  });

  test('stay the same where the position was not noted before the crash', async () => {
    await print('one\ntwo\n');
    await shipper.follow(of());
    await shipper.finish(name);
    await rm(join(folder, 'read.json'));
    await print('three\n');
    shipper = ship();
    await shipper.follow(of());
    await shipper.finish(name);
    expect(stream.lines()).toEqual(['one', 'two', 'three']);
  });

  test('keep the epoch they began at when the instance was relabelled', async () => {
    await print('one\n');
    await shipper.follow(of(3));
    await shipper.finish(name);
    await print('two\n');
    await shipper.follow(of(9));
    await shipper.finish(name);
    expect(stream.frames.map((each) => [each.epoch, each.first])).toEqual([
      [3, 1],
      [3, 2],
    ]);
  });

  test('survive a position that is damaged: all is sent again under the same', async () => {
    await print('one\ntwo\n');
    await mkdir(folder, { recursive: true });
    for (const text of ['', '{', '{}', '{"epoch":3,"positions":{}}', '{"epoch":3}']) {
      await writeFile(join(folder, 'read.json'), text);
      shipper = ship();
      await shipper.follow(of());
      await shipper.finish(name);
      expect(stream.lines()).toEqual(['one', 'two']);
    }
  });

  test('are noted on disk when they were sent', async () => {
    await print('one\ntwo\n');
    await shipper.follow(of());
    await shipper.finish(name);
    const { epoch, positions } = JSON.parse(await readFile(join(folder, 'read.json'), 'utf8'));
    expect([epoch, positions.stdout]).toEqual([3, { offset: 8, lines: 2 }]);
  });
});

describe('a bus', () => {
  test('that does not answer gets the frame again under the same id, and keeps it once', async () => {
    const fates = ['lost', 'unheard', 'stored'] as const;
    let at = 0;
    stream.fate = () => fates[Math.min(at++, 2)] ?? 'stored';
    await print('one\n');
    await shipper.follow(of());
    await shipper.finish(name);
    expect(stream.lines()).toEqual(['one']);
    expect(stream.frames).toHaveLength(1);
  });

  test('that is away leaves everything to the next agent', async () => {
    stream.fate = () => 'lost';
    await print('one\ntwo\n');
    await shipper.follow(of());
    await shipper.close();
    expect(stream.frames).toEqual([]);
    stream.fate = () => 'stored';
    shipper = ship();
    await shipper.follow(of());
    await shipper.finish(name);
    expect(stream.lines()).toEqual(['one', 'two']);
  });
});
