/** Makes sure that a person sees how far a pull is, from what an engine tells of its layers. */
import { z } from 'zod';
import { formatBytes } from '../../../subjects/index.ts';

const lineSchema = z.object({
  id: z.string().optional(),
  status: z.string().optional(),
  progressDetail: z
    .object({ current: z.number().optional(), total: z.number().optional() })
    .optional(),
  error: z.string().optional(),
});

interface Layer {
  readonly current: number;
  readonly total: number;
  readonly isDone: boolean;
}

/** States of a layer after which nothing more of it comes. */
const DONE = new Set(['Pull complete', 'Already exists']);
/** States in which what is told are bytes that were fetched. */
const FETCHING = new Set(['Downloading', 'Download complete']);
/** Most layers that are told apart; images have 127 at most. */
const LAYERS_MAX = 256;

/** What an engine says went wrong with a pull it had begun. */
export class PullError extends Error {
  override readonly name = 'PullError';
}

/** How far one pull is. */
export class PullProgress {
  readonly #layers = new Map<string, Layer>();

  /** Takes one line of what the engine tells. Throws PullError with what went wrong, if it says so. */
  take(line: string): void {
    if (line.trim() === '') return;
    const { id, status = '', progressDetail: detail, error } = lineSchema.parse(JSON.parse(line));
    if (error !== undefined) throw new PullError(error);
    // `Pulling from …` tells of the whole image, under its tag.
    if (id === undefined || status.startsWith('Pulling from')) return;
    const before = this.#layers.get(id);
    if (!before && this.#layers.size >= LAYERS_MAX) return;
    const { current = 0, total = 0 } = FETCHING.has(status) ? (detail ?? {}) : {};
    this.#layers.set(id, {
      current: Math.max(
        before?.current ?? 0,
        current,
        isFetched(status) ? (before?.total ?? 0) : 0,
      ),
      total: Math.max(before?.total ?? 0, total),
      isDone: DONE.has(status),
    });
  }

  /** `2 of 5 layers, 12.0 MiB of 40.0 MiB`; empty: nothing is known yet. */
  get text(): string {
    const layers = [...this.#layers.values()];
    if (layers.length === 0) return '';
    const done = layers.filter((each) => each.isDone).length;
    const sum = (of: (layer: Layer) => number): number =>
      layers.reduce((all, each) => all + of(each), 0);
    const total = sum((each) => each.total);
    const bytes =
      total === 0 ? '' : `, ${formatBytes(sum((each) => each.current))} of ${formatBytes(total)}`;
    return `${done} of ${layers.length} layers${bytes}`;
  }
}

/** From then on all of a layer is here. */
function isFetched(status: string): boolean {
  return status === 'Download complete' || status === 'Extracting' || status === 'Pull complete';
}
