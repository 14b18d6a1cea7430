/** What the gateway counts of itself, for Prometheus. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds: from a view in memory to a write that waits for a node. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What is read when the registry is scraped. */
export interface Gauged {
  sseClients(): number;
  webSockets(): number;
  calls(): number;
  grpcStreams(): number;
  sessions(): number;
  revision(): number;
  /** How many nodes are in each state, instances in each phase, and letters of each actor. */
  nodes(): ReadonlyMap<string, number>;
  instances(): ReadonlyMap<string, number>;
  letters(): ReadonlyMap<string, number>;
  /** What the store is, as `/health` tells it, once. */
  store(): ReadonlyMap<string, number>;
}

export interface Meters {
  readonly registry: Registry;
  /** One answered API request. `route`: its pattern, not its path. */
  answered(of: {
    readonly method: string;
    readonly route: string;
    readonly status: number;
    readonly seconds: number;
  }): void;
  /** One gRPC call that is over, a stream with all it was. `code`: name of its status. */
  called(of: { readonly rpc: string; readonly code: string; readonly seconds: number }): void;
  /** One answered ingress request. `host`: of a route, so that strangers make no new series. */
  forwarded(of: { readonly host: string; readonly status: number; readonly seconds: number }): void;
  /** An ingress request that one instance did not take was sent to another. */
  triedAgain(host: string): void;
}

export function gatewayMeters(gauged: Gauged): Meters {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    ...{ name: 'shoal_http_requests_total', help: 'API requests answered', registers },
    labelNames: ['method', 'route', 'status'] as const,
  });
  const durations = new Histogram({
    ...{
      name: 'shoal_http_request_duration_seconds',
      help: 'Until the answer was sent',
      registers,
    },
    ...{ labelNames: ['method', 'route'] as const, buckets: DURATION_BUCKETS },
  });
  const ingress = new Counter({
    ...{ name: 'shoal_ingress_requests_total', help: 'Ingress requests answered', registers },
    labelNames: ['host', 'status'] as const,
  });
  const ingressDurations = new Histogram({
    ...{ name: 'shoal_ingress_request_duration_seconds', help: 'Until the answer was sent' },
    ...{ registers, labelNames: ['host'] as const, buckets: DURATION_BUCKETS },
  });
  const triedAgain = new Counter({
    ...{
      name: 'shoal_ingress_tried_again_total',
      help: 'Ingress requests sent to another instance',
    },
    ...{ registers, labelNames: ['host'] as const },
  });
  const calls = new Counter({
    ...{ name: 'shoal_grpc_requests_total', help: 'gRPC calls that are over', registers },
    labelNames: ['rpc', 'code'] as const,
  });
  const callDurations = new Histogram({
    ...{ name: 'shoal_grpc_request_duration_seconds', help: 'Until its status was sent' },
    ...{ registers, labelNames: ['rpc'] as const, buckets: DURATION_BUCKETS },
  });
  const gauge = (name: string, help: string, read: () => number): void => {
    const own: Gauge = new Gauge({ name, help, registers, collect: () => own.set(read()) });
  };
  gauge('shoal_sse_clients', 'Callers that watch events or logs', gauged.sseClients);
  gauge('shoal_grpc_streams', 'gRPC callers that watch events or logs', gauged.grpcStreams);
  gauge('shoal_ingress_websockets', 'WebSockets forwarded at the moment', gauged.webSockets);
  gauge(
    'shoal_ingress_under_way',
    'Calls and WebSockets that instances have in hand',
    gauged.calls,
  );
  gauge('shoal_sessions', 'Sessions with instances held open', gauged.sessions);
  gauge('shoal_views_revision', 'Newest revision of the store seen', gauged.revision);
  const counts = (
    name: string,
    help: string,
    { label, read }: { label: string; read: () => ReadonlyMap<string, number> },
  ): void => {
    const own: Gauge = new Gauge({
      ...{ name, help, registers, labelNames: [label] },
      collect() {
        own.reset();
        for (const [value, count] of read()) own.set({ [label]: value }, count);
      },
    });
  };
  counts('shoal_nodes', 'Nodes in each state', { label: 'state', read: gauged.nodes });
  counts('shoal_instances', 'Instances in each phase', { label: 'phase', read: gauged.instances });
  counts('shoal_dead_letters', 'Letters that wait for somebody', {
    ...{ label: 'actor', read: gauged.letters },
  });
  counts('shoal_store_state', 'What the store is: 1 for well, slow, full, read-only, limit, …', {
    ...{ label: 'state', read: gauged.store },
  });
  return {
    registry,
    answered: ({ method, route, status, seconds }) => {
      requests.inc({ method, route, status });
      durations.observe({ method, route }, seconds);
    },
    called: ({ rpc, code, seconds }) => {
      calls.inc({ rpc, code });
      callDurations.observe({ rpc }, seconds);
    },
    forwarded: ({ host, status, seconds }) => {
      ingress.inc({ host, status });
      ingressDurations.observe({ host }, seconds);
    },
    triedAgain: (host) => triedAgain.inc({ host }),
  };
}
