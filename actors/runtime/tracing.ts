/**
 * Makes sure that a call can be followed through everything it causes: a span for each thing that
 * takes time, and its `traceparent` in the headers of whatever is sent or written. A trace begins
 * with a request from outside, nowhere else: what the fabric does by itself (beats, sweeps) makes
 * no spans. Without an OpenTelemetry SDK in the process (telemetry.ts) nothing is recorded and the
 * caller's `traceparent` is passed on as it came.
 */
import {
  type Context,
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { TRACE_HEADER } from './ports.ts';

/** Attribute of a span that says how it ended. */
const OUTCOME = 'shoal.outcome';

/** Something that takes time. */
export interface Spanned {
  /** What it causes carries this. */
  readonly traceparent: string | undefined;
  /**
   * It is over, once. `error`: it failed, and with what; `outcome`: how else it ended, where there
   * is more to say than that it did.
   */
  end(error?: unknown, outcome?: string): void;
}

/** What the runtime tells of itself to whoever follows a call. */
export interface Tracing {
  /** A step of an actor. */
  step(actor: string, message: string, traceparent: string | undefined): Spanned;
  /** Something else that `traceparent` caused. */
  span(name: string, traceparent: string | undefined): Spanned;
  /** Runs something; what it begins, now or later, was caused by `traceparent`. */
  within<T>(traceparent: string | undefined, run: () => T): T;
}

const unspanned = (traceparent: string | undefined): Spanned => ({
  traceparent,
  end: () => undefined,
});

/** Passes a caller's `traceparent` on and records nothing. */
export const passTracing: Tracing = {
  step: (_actor, _message, traceparent) => unspanned(traceparent),
  span: (_name, traceparent) => unspanned(traceparent),
  within: (_traceparent, run) => run(),
};

/** Spans by the OpenTelemetry API: recorded where the process has an SDK registered. */
export function otelTracing(): Tracing {
  return {
    step: (actor, message, traceparent) => spanOf(`${actor} ${message}`, traceparent),
    span: spanOf,
    within: (traceparent, run) =>
      traceparent === undefined ? run() : context.with(contextOf(traceparent), run),
  };
}

/** A request from outside: part of its caller's trace, or the beginning of one. */
export function spanOfRequest(name: string, traceparent: string | undefined): Spanned {
  return begin(name, SpanKind.SERVER, contextOf(traceparent), traceparent);
}

/** Part of what is being done here, as `within` says; nothing where that is not followed. */
export function spanHere(name: string): Spanned {
  if (!trace.getSpanContext(context.active())) return unspanned(undefined);
  return begin(name, SpanKind.INTERNAL, context.active(), undefined);
}

function spanOf(name: string, traceparent: string | undefined): Spanned {
  if (traceparent === undefined) return unspanned(undefined);
  return begin(name, SpanKind.INTERNAL, contextOf(traceparent), traceparent);
}

function begin(
  name: string,
  kind: SpanKind,
  parent: Context,
  traceparent: string | undefined,
): Spanned {
  const span = trace.getTracer('shoal').startSpan(name, { kind }, parent);
  const end = (error: unknown, outcome?: string): void => endSpan(span, error, outcome);
  return { traceparent: headerOf(span) ?? traceparent, end };
}

function contextOf(traceparent: string | undefined): Context {
  if (traceparent === undefined) return context.active();
  return propagation.extract(context.active(), { [TRACE_HEADER]: traceparent });
}

function headerOf(span: Span): string | undefined {
  if (!span.isRecording()) return undefined;
  const headers: Record<string, string> = {};
  propagation.inject(trace.setSpan(context.active(), span), headers);
  return headers[TRACE_HEADER];
}

function endSpan(span: Span, error: unknown, outcome: string | undefined): void {
  if (outcome !== undefined) span.setAttribute(OUTCOME, outcome);
  if (error !== undefined) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
  }
  span.end();
}
