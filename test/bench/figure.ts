/** Makes sure that every benchmark says what it measured in the same form: one JSON line a figure. */
import { cpus } from 'node:os';

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the design asks for; undefined: nothing is promised. */
  readonly target?: number;
  readonly better: 'lower' | 'higher';
  /** What the figure depends on. */
  readonly configuration: Readonly<Record<string, string | number>>;
}

export type Tell = (figure: Figure) => void;

/** A benchmark: a name that `ONLY` can choose by, and what it does. */
export interface Benchmark {
  readonly name: string;
  /** Measures; what `isWanted` refuses need not be. */
  run(tell: Tell, isWanted: (figure: string) => boolean): Promise<void>;
}

/** Prints a figure. */
export const print: Tell = (figure) => {
  const { name, value, unit, target, better, configuration } = figure;
  const rounded = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
  const machine = { node: process.version, cores: cpus().length, ...configuration };
  process.stdout.write(
    `${JSON.stringify({ name, value: rounded, unit, target: target ?? null, better, configuration: machine })}\n`,
  );
};

/** The value below which this share of the samples lies (nearest rank). */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((one, other) => one - other);
  const rank = Math.max(0, Math.ceil(share * sorted.length) - 1);
  return sorted[rank] ?? Number.NaN;
}

/** The middle of several runs: noise of the machine stays outside. */
export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

/** Runs something several times; returns each run's value. */
export async function repeated(
  times: number,
  act: (round: number) => Promise<number>,
): Promise<number[]> {
  const values: number[] = [];
  for (let round = 0; round < times; round++) values.push(await act(round));
  return values;
}
