/** Makes sure that what is read of an archive is asked room for, before it is written and while it is. */
import type { Header } from 'tar-stream';

/** Rejects, with CopyRefused, where there is no room for so many bytes more; of none: where there is none left. */
export type Demand = (bytes: number) => Promise<void>;

/** What file systems give room in, and what an entry without content takes at most. */
const BLOCK_BYTES = 4_096;
/** Content between two looks: others write meanwhile. */
const LOOK_BYTES = 16_777_216;

/** The content of an entry there is room for. Rejects as `demand` does, the content, too. */
export async function admitted(
  demand: Demand,
  { type, size = 0 }: Header,
  content: AsyncIterable<Uint8Array>,
): Promise<AsyncIterable<Uint8Array>> {
  const bytes = type === 'directory' ? 0 : size;
  await demand(Math.max(1, Math.ceil(bytes / BLOCK_BYTES)) * BLOCK_BYTES);
  return looked(demand, content);
}

async function* looked(
  demand: Demand,
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes >= LOOK_BYTES) {
      bytes = 0;
      await demand(0);
    }
    yield chunk;
  }
}
