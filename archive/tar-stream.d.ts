/** The part of `tar-stream` 2 that is used here: the package has no types of its own. */
declare module 'tar-stream' {
  import type { Readable, Writable } from 'node:stream';

  /** What stands before an entry's content. */
  export interface Header {
    readonly name: string;
    readonly type?:
      | 'file'
      | 'contiguous-file'
      | 'directory'
      | 'symlink'
      | 'link'
      | 'character-device'
      | 'block-device'
      | 'fifo'
      | null;
    /** Of the content, in bytes. */
    readonly size?: number;
    readonly mode?: number;
    readonly mtime?: Date;
    readonly uid?: number;
    readonly gid?: number;
    readonly linkname?: string | null;
    readonly pax?: Readonly<Record<string, string>>;
  }

  /** Reads an archive: each entry is handed on when `next` was called for the one before. */
  export interface Extract extends Writable {
    on(
      event: 'entry',
      call: (header: Header, content: Readable, next: (error?: Error) => void) => void,
    ): this;
    on(event: string, call: (...given: never[]) => void): this;
  }

  /** Writes an archive, one entry at a time. */
  export interface Pack extends Readable {
    entry(header: Header, content: Buffer, done: (error?: Error | null) => void): Writable;
    entry(header: Header, done: (error?: Error | null) => void): Writable;
    finalize(): void;
  }

  export function extract(): Extract;
  export function pack(): Pack;
}
