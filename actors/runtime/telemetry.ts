/**
 * Makes sure that a program tells its spans to a collector where one is named
 * (OTEL_EXPORTER_OTLP_ENDPOINT, or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT; the other variables of
 * OpenTelemetry hold too), and that nothing waits for the collector: spans wait in a bounded queue,
 * are sent in batches beside everything else, and are lost where it is away.
 *
 * The SDK is loaded only then: it costs a program that is not followed neither time nor memory.
 */
import type { Log } from './log.ts';
import { VERSION } from './version.ts';

/** How long a program that stops waits until its last spans are sent, in milliseconds. */
const CLOSE_MS = 1_000;
/** How long the same trouble with the collector is not told again, in milliseconds. */
const QUIET_MS = 60_000;

type Environment = Readonly<Record<string, string | undefined>>;

/** Begins to tell spans, if there is a collector. The returned function sends the last ones. */
export async function startTelemetry(
  service: string,
  log: Log,
  environment: Environment = process.env,
): Promise<() => Promise<void>> {
  const endpoint =
    environment['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || environment['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (!endpoint) return async () => undefined;
  const [api, sdk, { OTLPTraceExporter }, resources, names] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/semantic-conventions'),
  ]);
  tellTrouble(api.diag, api.DiagLogLevel.WARN, endpoint, log);
  const own = resources.resourceFromAttributes({
    [names.ATTR_SERVICE_NAME]: service,
    [names.ATTR_SERVICE_VERSION]: VERSION,
  });
  // What the environment says of the program counts more than what it says of itself.
  const named = resources.detectResources({ detectors: [resources.envDetector] });
  const provider = new sdk.NodeTracerProvider({
    resource: resources.defaultResource().merge(own).merge(named),
    spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter())],
  });
  provider.register();
  return async () => {
    const late = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_MS).unref());
    await Promise.race([provider.shutdown().catch(() => undefined), late]);
  };
}

/** A collector that is away is told of once a minute, and changes nothing else. */
function tellTrouble(
  diag: typeof import('@opentelemetry/api')['diag'],
  level: import('@opentelemetry/api').DiagLogLevel,
  address: string,
  log: Log,
): void {
  let quietUntil = 0;
  const tell = (message: string): void => {
    if (performance.now() < quietUntil) return;
    quietUntil = performance.now() + QUIET_MS;
    log.warn('spans cannot be told to the collector and are lost', {
      ...{ address, reason: message.slice(0, 500) },
    });
  };
  const none = (): void => undefined;
  diag.setLogger({ error: tell, warn: tell, info: none, debug: none, verbose: none }, level);
}
