/**
 * Everything the gateway logs of requests, on one page. A request that changes something, or was
 * refused, is told at `info`; what only reads at `debug`; what is to be mended at `error`.
 */
import { type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { Log, LogFields } from '../actors/runtime/log.ts';
import { rpcNow } from './through-rpc.ts';

const reading = new Set(['GET', 'HEAD', 'OPTIONS']);

export class RequestLog extends LogController {
  readonly #log: Log;
  /** Whether a request that changes something is worth a line: of the API, not of the ingress. */
  readonly #tellsChanges: boolean;

  constructor(log: Log, options: { readonly tellsChanges: boolean }) {
    super();
    this.#log = log;
    this.#tellsChanges = options.tellsChanges;
  }

  override incomingRequest(): void {}

  override requestCompleted(
    error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    const { refusal, statusCode: status, elapsedTime } = reply;
    const fields: LogFields = {
      ...fieldsOf(request),
      status,
      durationMs: Math.round(elapsedTime * 10) / 10,
      ...(refusal ? { code: refusal.code, reason: refusal.detail } : {}),
      ...(error ? { error } : {}),
    };
    const isChange = this.#tellsChanges && !reading.has(request.method);
    const isTold = refusal ? refusal.code !== 'rate-limited' : isChange;
    if (isTold) this.#log.info('request done', fields);
    else this.#log.debug('request done', fields);
  }

  /** Something threw that should not. */
  fault(error: unknown, request: FastifyRequest): void {
    this.#log.error('a request made the gateway fail', { ...fieldsOf(request), error });
  }

  override defaultErrorLog(error: Error, request: FastifyRequest): void {
    this.fault(error, request);
  }

  override serializerError(error: Error, request: FastifyRequest): void {
    this.fault(error, request);
  }

  override writeHeadError(error: Error, request: FastifyRequest): void {
    this.fault(error, request);
  }

  override streamError(error: Error, request: FastifyRequest): void {
    this.#log.debug('an answer ended early', { ...fieldsOf(request), error });
  }

  override routeNotFound(): void {}

  override serviceUnavailable(): void {}
}

/** Without the query: it may hold what does not belong in a log. */
function fieldsOf(request: FastifyRequest): LogFields {
  const { id, method, url } = request;
  const rpc = rpcNow();
  return { id, method, path: url.split('?', 1)[0] ?? url, ...(rpc === undefined ? {} : { rpc }) };
}
