/**
 * Makes sure that a call can be followed through every step it causes: a span per step, and its
 * `traceparent` in the headers of whatever the step sends. Without an OpenTelemetry SDK in the
 * process the spans go nowhere and the caller's `traceparent` is passed on as it came.
 */
import { context, propagation, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { TRACE_HEADER } from './ports.ts';

export interface StepSpan {
  /** What effects carry. */
  readonly traceparent: string | undefined;
  end(error?: unknown): void;
}

export interface Tracing {
  step(actor: string, message: string, traceparent: string | undefined): StepSpan;
}

/** Passes a caller's `traceparent` on and records nothing. */
export const passTracing: Tracing = {
  step: (_actor, _message, traceparent) => ({ traceparent, end: () => undefined }),
};

/** Spans by the OpenTelemetry API: recorded where the process has an SDK registered. */
export function otelTracing(): Tracing {
  const tracer = trace.getTracer('shoal');
  return {
    step(actor, message, traceparent) {
      const carrier = traceparent === undefined ? {} : { [TRACE_HEADER]: traceparent };
      const parent = propagation.extract(context.active(), carrier);
      const span = tracer.startSpan(`${actor} ${message}`, {}, parent);
      return { traceparent: headerOf(span) ?? traceparent, end: (error) => endSpan(span, error) };
    },
  };
}

function headerOf(span: Span): string | undefined {
  if (!span.isRecording()) return undefined;
  const headers: Record<string, string> = {};
  propagation.inject(trace.setSpan(context.active(), span), headers);
  return headers[TRACE_HEADER];
}

function endSpan(span: Span, error: unknown): void {
  if (error !== undefined) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
  }
  span.end();
}
