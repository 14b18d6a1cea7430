/** The keeper's port on the memory server. Sizes are those of subject and body. */
import { type Bucket, covers, type StreamName, storeSubject } from '../../../subjects/index.ts';
import type { Keeper, KeptStream, Weighed } from '../keeper.ts';
import type { Clock } from '../ports.ts';
import type { MemoryServer } from './server.ts';

/** The keeper on a memory server. */
export function memoryKeeper(server: MemoryServer, clock: Clock): Keeper {
  const messages = (stream: KeptStream): Weighed[] =>
    isBucket(stream) ? keysOf(server, bucketOf(stream)) : appendedTo(server, stream);
  const wanted = (of: { readonly stream: KeptStream; readonly pattern: string }): Weighed[] =>
    messages(of.stream).filter((each) => covers(of.pattern, each.subject));
  return {
    survey(of, each, done) {
      clock.soon(() => {
        const counts = new Map<string, number>();
        for (const { subject } of wanted(of)) counts.set(subject, (counts.get(subject) ?? 0) + 1);
        for (const [subject, count] of counts) each(subject, count);
        const bytes = messages(of.stream).reduce((sum, one) => sum + one.bytes, 0);
        done({ bytes, bytesMax: Infinity });
      });
    },
    weigh(of, each, done) {
      clock.soon(() => {
        for (const message of wanted(of)) each(message);
        done(true);
      });
    },
    purge(of, done) {
      clock.soon(() => {
        const gone = wanted(of).filter((each) => each.sequence < of.before);
        server.purge(of.stream, new Set(gone.map((each) => each.sequence)));
        done(gone.length);
      });
    },
  };
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
