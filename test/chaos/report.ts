/** Makes sure that a person reads what happened in a chaos, whether or not everything was kept. */
import { percentile } from '../bench/figure.ts';

/** Less than this of a machine's time withheld is not worth a line. */
const TOLD_RATIO = 0.01;

/** What happened, from its beginning until it ended or something was not kept. */
export interface Happened {
  readonly seed: number;
  /** What callers asked for, by operation. */
  readonly asked: ReadonlyMap<string, number>;
  readonly acknowledged: number;
  /** How often a node that had died too often was taken back. */
  readonly takenBack: number;
  /** Writes of the store that were checked. */
  readonly checks: number;
  /** Share of the time that the machine was kept from by its host. */
  readonly withheldRatio: number;
  /** How often each fault struck. */
  readonly struck: ReadonlyMap<string, number>;
  /** Times until all was whole again, in milliseconds, by fault or `several at once`. */
  readonly recoveries: ReadonlyMap<string, readonly number[]>;
  readonly violations: readonly string[];
}

/** Lines of the report: asks, faults, recoveries of each kind and of all, violations last. */
export function reportOf(of: Happened): readonly string[] {
  const asks = [...of.asked].map(([operation, times]) => `${times} ${operation}`).sort();
  const struck = [...of.struck].map(([kind, times]) => `${kind} ${times}`).sort();
  const all = [...of.recoveries.values()].flat();
  const rows = [...of.recoveries].sort(([one], [other]) => (one < other ? -1 : 1));
  return [
    `asks: ${asks.join(', ') || 'none'}; ${of.acknowledged} acknowledged; seed ${of.seed}`,
    `nodes that died too often and were taken back: ${of.takenBack}`,
    `writes of the store checked: ${of.checks}`,
    ...(of.withheldRatio < TOLD_RATIO
      ? []
      : [`the host withheld ${Math.round(of.withheldRatio * 100)} % of the machine's time`]),
    `faults: ${struck.join(', ') || 'none'}`,
    'recovered from            times  whole again p50 / p95 / longest',
    ...rows.map(([kind, times]) => row(kind, times)),
    ...(all.length > 0 ? [row('everything', all)] : []),
    of.violations.length === 0 ? 'no violations' : 'VIOLATIONS',
    ...of.violations.map((each) => `  ${each}`),
  ];
}

function row(kind: string, times: readonly number[]): string {
  const [p50, p95, longest] = [0.5, 0.95, 1].map(
    (share) => `${(percentile(times, share) / 1000).toFixed(2)} s`,
  );
  return `${kind.padEnd(24)} ${String(times.length).padStart(6)}  ${p50} / ${p95} / ${longest}`;
}
