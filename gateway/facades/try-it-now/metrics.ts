/**
 * What Try It Now counts, under its names, in a registry of its own: no series of the process.
 *
 * Calls are counted where they are answered. What becomes of slots and what ends by itself every
 * gateway sees, and counts: of several, take one.
 */
import {
  Counter,
  Gauge,
  Histogram,
  type LabelValues,
  type OpenMetricsContentType,
  openMetricsContentType,
  prometheusContentType,
  Registry,
} from 'prom-client';
import type { Change } from '../../../actors/runtime/view.ts';
import type { poolRecord, slotRecord } from '../../../subjects/index.ts';
import type { Counts } from './demos.ts';

/** Buckets, in seconds: of what is quick, of what callers wait for, of what takes its time. */
const QUICK = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2];
const AWAITED = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const SLOW = [1, 5, 10, 30, 60, 120, 180, 300, 600];
/** The only way slots come to be. */
const METHOD = 'cold_start';

export type AcquireResult =
  | 'success'
  | 'rate_limited'
  | 'pool_exhausted'
  | 'route_failed'
  | 'error';

export interface DemoMeters {
  acquired(result: AcquireResult, seconds: number): void;
  /** A demo is over: given back, or its time was up. */
  released(reason: 'manual' | 'expired'): void;
  answered(of: {
    readonly method: string;
    readonly path: string;
    readonly status: number;
    readonly seconds: number;
  }): void;
  /** A slot of the pool, or the pool, has changed. */
  slotChanged(change: Change<typeof slotRecord>): void;
  poolChanged(change: Change<typeof poolRecord>): void;
  /** All of it, in the form that an `Accept` header asks for. */
  text(accept: string | undefined): Promise<{ readonly type: string; readonly body: string }>;
}

export function demoMeters(counts: () => Counts | undefined): DemoMeters {
  const plain = new Registry();
  const open = new Registry<OpenMetricsContentType>();
  open.setContentType(openMetricsContentType);
  const registers: Registry[] = [plain, open as never];
  // In OpenMetrics a counter's name goes without its ending: there it is another one.
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) => {
    const of = { help, labelNames: [...labelNames] };
    const own = new Counter<L>({ ...of, name, registers: [plain] });
    const twin = new Counter<L>({
      ...of,
      ...{ name: name.replace(/_total$/, ''), registers: [open as never] },
    });
    return (labels: LabelValues<L> = {}): void => {
      own.inc(labels);
      twin.inc(labels);
    };
  };
  const histogram = <L extends string>(
    name: string,
    help: string,
    of: { readonly buckets: number[]; readonly labelNames?: readonly L[] },
  ) =>
    new Histogram<L>({
      ...{ name, help, registers, buckets: of.buckets, labelNames: [...(of.labelNames ?? [])] },
    });
  const gauge = (name: string, help: string, field: keyof Counts | undefined): void => {
    const own: Gauge = new Gauge({
      ...{ name, help, registers },
      collect: () => own.set(field === undefined ? 0 : (counts()?.[field] ?? 0)),
    });
  };
  gauge('demo_pool_ready_instances', 'Instances that are ready', 'ready');
  gauge('demo_pool_assigned_instances', 'Instances in the hands of callers', 'assigned');
  gauge('demo_pool_warming_instances', 'Instances that are being started', 'warming');
  gauge('demo_pool_target_size', 'How many are to be ready', 'target');
  gauge('demo_pool_capacity', 'How many there may be in all', 'capacity');
  gauge('demo_criu_available', 'Whether instances are restored: never', undefined);
  const acquisitions = counter('demo_acquisitions_total', 'Acquisitions', ['result']);
  const releases = counter('demo_releases_total', 'Demos that are over', ['reason']);
  const provisions = counter('demo_provisions_total', 'Instances started', ['method', 'result']);
  const limited = counter('demo_rate_limit_hits_total', 'Acquisitions above a quota');
  const durations = histogram('demo_acquisition_duration_seconds', 'Of those that succeeded', {
    buckets: AWAITED,
  });
  const provisioning = histogram('demo_provision_duration_seconds', 'Until it was ready', {
    ...{ buckets: SLOW, labelNames: ['method'] as const },
  });
  const requests = histogram('demo_http_request_duration_seconds', 'Until the answer was sent', {
    ...{ buckets: AWAITED, labelNames: ['method', 'path', 'status'] as const },
  });
  // Upstream's names, for boards that ask for them: what they are about happens in the agents.
  counter('demo_health_checks_total', 'Agents check instances: no series', ['result']);
  counter('demo_route_operations_total', 'Routes are written while warming: no series', [
    ...(['operation', 'result'] as const),
  ]);
  for (const each of ['criu_restore', 'health_check', 'route_add', 'route_remove']) {
    histogram(`demo_${each}_duration_seconds`, 'Not measured: always empty', { buckets: QUICK });
  }
  histogram('demo_wait_for_ready_duration_seconds', 'Not measured: always empty', {
    buckets: SLOW,
  });
  return {
    acquired: (result, seconds) => {
      acquisitions({ result });
      if (result === 'success') durations.observe(seconds);
      if (result === 'rate_limited') limited();
    },
    released: (reason) => releases({ reason }),
    answered: ({ method, path, status, seconds }) =>
      requests.observe({ method, path, status: String(status) }, seconds),
    slotChanged: ({ before, after }) => {
      if (before?.state === 'warming' && after?.state === 'ready') {
        provisions({ method: METHOD, result: 'success' });
        const seconds = Math.max(0, after.changedAt - after.createdAt) / 1_000;
        provisioning.observe({ method: METHOD }, seconds);
      }
      const isOver = before?.state === 'claimed' && after?.state === 'draining';
      if (isOver && after.last.verb === 'expired') releases({ reason: 'expired' });
    },
    poolChanged: ({ before, after }) => {
      const isNews = after?.trouble && after.trouble.message !== before?.trouble?.message;
      if (before && isNews) provisions({ method: METHOD, result: 'failure' });
    },
    text: async (accept = '') => {
      const isOpen = accept.includes('application/openmetrics-text');
      const type = isOpen ? openMetricsContentType : prometheusContentType;
      return { type, body: await (isOpen ? open : plain).metrics() };
    },
  };
}
