/**
 * Makes sure that one output of one instance is sent: whole lines, in frames, one frame in flight,
 * each until it is stored.
 *
 * Limits: at most BACKLOG_BYTES_MAX unsent bytes are kept, then the oldest go, with a line that
 * says so; what was sent is taken out of the file on disk.
 */
import { execFile } from 'node:child_process';
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../actors/runtime/log.ts';
import { type Bus, ID_HEADER, TYPE_HEADER } from '../../actors/runtime/ports.ts';
import {
  address,
  contentType,
  encode,
  type LogFrame,
  logFrame,
  type Output,
  sidecarLogFrame,
} from '../../subjects/index.ts';
import type { HeldOutput } from './held-output.ts';
import { linesIn } from './lines.ts';
import type { Position, PositionBook, Printing } from './position-book.ts';

/** Bytes read at a time. */
const READ_BYTES = 65_536;
/**
 * Pauses between looks at a file that nobody told of, in milliseconds: twice as long each time nothing is
 * found, so that a thousand silent instances cost their agent nothing. Where something is found without
 * a word, the file system does not tell of changes, and pauses stay short.
 */
const POLL_MS = 500;
const POLL_MS_MAX = 8_000;
const RETRY_MS = 500;
const BACKLOG_BYTES_MAX = 64 * 2 ** 20;
const BACKLOG_KEPT_BYTES = 32 * 2 ** 20;
/** Sent output is taken out of the file in steps of this size. */
const PUNCH_BYTES = 8 * 2 ** 20;

export class OutputReader {
  readonly #of: Printing;
  readonly #output: Output;
  readonly #node: string;
  readonly #held: HeldOutput;
  readonly #book: PositionBook;
  readonly #bus: Pick<Bus, 'append'>;
  readonly #log: Log;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #file: FileHandle | undefined;
  #watcher: FSWatcher | undefined;
  #wake: () => void = () => undefined;
  /** Whether something has changed since it was looked at. */
  #isNews = false;
  #pauseMs = POLL_MS;
  /** Whether something was found that nobody had told of. */
  #isUntold = false;
  #punched = 0;
  #isOpen = true;
  #isLast = false;
  #done: Promise<void> = Promise.resolve();

  constructor(
    of: {
      readonly of: Printing;
      readonly output: Output;
      readonly node: string;
      readonly held: HeldOutput;
    },
    book: PositionBook,
    bus: Pick<Bus, 'append'>,
    log: Log,
  ) {
    this.#of = of.of;
    this.#output = of.output;
    this.#node = of.node;
    this.#held = of.held;
    this.#book = book;
    this.#bus = bus;
    this.#log = log;
  }

  start(): void {
    this.#done = this.#run().catch((error) => {
      this.#log.warn('output cannot be read', { instance: this.#of.name, error });
    });
  }

  async finish(withinMs: number): Promise<void> {
    this.#isLast = true;
    this.#wake();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([this.#done, late]);
    clearTimeout(timer);
    await this.close();
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    this.#wake();
    await this.#done;
    await this.#book.saved();
  }

  get #position(): Position {
    return this.#book.positions[this.#output];
  }

  async #run(): Promise<void> {
    try {
      await this.#open();
      let isTold = true;
      while (this.#isOpen) {
        const isSent = await this.#sendSome();
        if (isSent) this.#isUntold ||= !isTold;
        if (isSent) continue;
        if (this.#isLast) break;
        isTold = await this.#change();
      }
    } finally {
      this.#watcher?.close();
      await this.#file?.close();
    }
  }

  async #open(): Promise<void> {
    const { folder } = this.#of;
    const path = join(folder, this.#output);
    this.#watch(folder);
    while (this.#isOpen && !this.#file) {
      this.#file = await open(path, 'r').catch(() => undefined);
      if (this.#file) break;
      if (this.#isLast) return;
      await this.#change();
    }
    if (this.#isOpen) this.#watch(path);
  }

  /** Is woken by what changes there, and by nothing else. Where that cannot be had, looks come often. */
  #watch(path: string): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    try {
      this.#watcher = watch(path, () => this.#changed());
      this.#watcher.on('error', () => {
        this.#isUntold = true;
      });
    } catch {
      this.#isUntold = true;
    }
  }

  #changed(): void {
    this.#isNews = true;
    this.#wake();
  }

  /** Until something changes (true), or for a while (false). */
  async #change(): Promise<boolean> {
    if (!this.#isNews) {
      const pauseMs = this.#isUntold ? POLL_MS : this.#pauseMs;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pauseMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const isTold = this.#isNews;
    this.#isNews = false;
    this.#pauseMs = isTold ? POLL_MS : Math.min(2 * this.#pauseMs, POLL_MS_MAX);
    return isTold;
  }

  /** Sends one frame; false: there is nothing whole to send. */
  async #sendSome(): Promise<boolean> {
    const file = this.#file;
    if (!file) return false;
    const position = this.#position;
    const { size } = await file.stat();
    if (size - position.offset > BACKLOG_BYTES_MAX) await this.#skip(size);
    const { bytesRead } = await file.read(this.#buffer, 0, READ_BYTES, position.offset);
    const isAll = position.offset + bytesRead >= size;
    const lines = linesIn(this.#buffer.subarray(0, bytesRead), this.#isLast && isAll);
    if (lines.texts.length === 0) return false;
    await this.#send(lines.texts, `${position.offset}-${position.offset + lines.bytes}`);
    if (!this.#isOpen) return false;
    position.lines += lines.texts.length;
    position.offset += lines.bytes;
    this.#book.save();
    this.#punch(position.offset);
    return true;
  }

  /** Offers a frame until it is stored. */
  async #send(texts: readonly string[], range: string): Promise<void> {
    const { tenant, workload, instance, sidecar } = this.#of;
    const { epoch } = this.#book;
    const whose = sidecar === undefined ? instance : `${instance}.${sidecar}`;
    const at = Date.now();
    const frame: LogFrame = {
      ...{ node: this.#node, epoch, stream: this.#output, first: this.#position.lines + 1 },
      lines: texts.map((text) => ({ at, text })),
    };
    const message = {
      subject:
        sidecar === undefined
          ? address(logFrame, { tenant, workload, instance })
          : address(sidecarLogFrame, { tenant, workload, instance, sidecar }),
      body: encode(logFrame, frame),
      headers: {
        [TYPE_HEADER]: contentType[logFrame.codec],
        [ID_HEADER]: `${whose}.${epoch}.${this.#output}.${range}`,
      },
    };
    while (this.#isOpen) {
      const isStored = await new Promise<boolean>((resolve) =>
        this.#bus.append('LOGS', message, resolve),
      );
      if (isStored) return;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** Gives up the oldest unsent output, and says so. */
  async #skip(size: number): Promise<void> {
    const position = this.#position;
    const before = position.offset;
    const jump = size - BACKLOG_KEPT_BYTES;
    const { bytesRead } = (await this.#file?.read(this.#buffer, 0, READ_BYTES, jump)) ?? {
      bytesRead: 0,
    };
    const newline = this.#buffer.subarray(0, bytesRead).indexOf(0x0a);
    position.offset = jump + newline + 1;
    const lost = position.offset - before;
    const notice = `[shoal] ${lost} bytes of output were dropped: they could not be sent in time`;
    await this.#send([notice], `${before}-dropped`);
    position.lines++;
    this.#book.save();
  }

  /**
   * Gives sent output's blocks back to the file system, but for what others still read; the file
   * keeps its length.
   */
  #punch(sent: number): void {
    if (sent - this.#punched < PUNCH_BYTES) return;
    const path = join(this.#of.folder, this.#output);
    const upTo = this.#held.emptiedTo(path, sent);
    if (upTo - this.#punched < PUNCH_BYTES) return;
    const length = upTo - (upTo % 4096);
    this.#punched = upTo;
    execFile('fallocate', ['-p', '-o', '0', '-l', String(length), path], () => undefined);
  }
}
