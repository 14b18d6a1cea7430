/** The keeper's port on the memory server. Sizes are those of subject and body. */
import { type Bucket, covers, type StreamName, storeSubject } from '../../../subjects/index.ts';
import type { Keeper, KeptStream, Weighed } from '../keeper.ts';
import type { StoreAsk } from './connection.ts';
import type { MemoryServer } from './server.ts';
import type { Exchange } from './timed.ts';

/** The keeper of a process on a memory server: each ask goes there and back as others do. */
export function memoryKeeper(server: MemoryServer, exchange: Exchange): Keeper {
  const messages = (stream: KeptStream): Weighed[] =>
    isBucket(stream) ? keysOf(server, bucketOf(stream)) : appendedTo(server, stream);
  const among = (all: readonly Weighed[], pattern: string): Weighed[] =>
    all.filter((each) => covers(pattern, each.subject));
  const wanted = (of: { readonly stream: KeptStream; readonly pattern: string }): Weighed[] =>
    among(messages(of.stream), of.pattern);
  return {
    survey(of, each, done) {
      const act = (): { readonly all: readonly Weighed[]; readonly found: readonly Weighed[] } => {
        const all = messages(of.stream);
        return { all, found: among(all, of.pattern) };
      };
      const answer = ({ all, found }: ReturnType<typeof act>): void => {
        const counts = new Map<string, number>();
        for (const { subject } of found) counts.set(subject, (counts.get(subject) ?? 0) + 1);
        for (const [subject, count] of counts) each(subject, count);
        done({ bytes: all.reduce((sum, one) => sum + one.bytes, 0), bytesMax: Infinity });
      };
      exchange(askOf(of.stream, 'newest'), act, answer, () => done(undefined));
    },
    weigh(of, each, done) {
      const answer = (found: readonly Weighed[]): void => {
        for (const message of found) each(message);
        done(true);
      };
      exchange(
        askOf(of.stream, 'newest'),
        () => wanted(of),
        answer,
        () => done(false),
      );
    },
    purge(of, done) {
      const act = (): number => {
        const gone = wanted(of).filter((each) => each.sequence < of.before);
        server.purge(of.stream, new Set(gone.map((each) => each.sequence)));
        return gone.length;
      };
      exchange(askOf(of.stream, 'write'), act, done, () => done(undefined));
    },
  };
}

function askOf(stream: KeptStream, kind: StoreAsk['kind']): StoreAsk {
  return { stream: isBucket(stream) ? bucketOf(stream) : stream, kind };
}

function isBucket(stream: KeptStream): stream is `KV_${Bucket}` {
  return stream.startsWith('KV_');
}

function bucketOf(stream: `KV_${Bucket}`): Bucket {
  return stream.slice(3) as Bucket;
}

function keysOf(server: MemoryServer, bucket: Bucket): Weighed[] {
  return [...server.stored(bucket)]
    .sort((one, other) => one.revision - other.revision)
    .map(({ key, revision, at, body }) => {
      const subject = storeSubject(bucket, key);
      const bytes = subject.length + (body?.length ?? 0);
      return { subject, sequence: revision, at, bytes, isMarker: body === null };
    });
}

function appendedTo(server: MemoryServer, stream: StreamName): Weighed[] {
  return server.appended(stream).map(({ subject, sequence, at, body }) => {
    return { subject, sequence, at, bytes: subject.length + body.length, isMarker: false };
  });
}
