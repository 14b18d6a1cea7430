/**
 * Makes sure that a gRPC server can be asked for its health (grpc.health.v1, method Check) without a
 * gRPC library in every agent: one unary call over HTTP/2 without TLS, a message of one field each way.
 * Framing and trailers: the gRPC specification "gRPC over HTTP2"; messages: health.proto.
 */
import { connect, constants } from 'node:http2';

const PATH = '/grpc.health.v1.Health/Check';
/** A message has one byte that says whether it is compressed, and four of its length, before it. */
const HEAD_BYTES = 5;
/** More than a health answer ever is. */
const ANSWER_BYTES_MAX = 1_024;
/** ServingStatus of health.proto. */
const statuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;
/** Codes of gRPC that a health check answers with, by number. */
const codes: Readonly<Record<string, string>> = {
  '2': 'UNKNOWN',
  '5': 'NOT_FOUND: it does not know this service',
  '12': 'UNIMPLEMENTED: it has no health service',
  '13': 'INTERNAL',
  '14': 'UNAVAILABLE',
  '16': 'UNAUTHENTICATED',
};

export interface GrpcCall {
  readonly host: string;
  readonly port: number;
  /** Empty: the server as a whole. */
  readonly service: string;
  readonly timeoutMs: number;
}

/** Why the service is not serving, in a few words; undefined: it is. Never rejects. */
export function checkGrpc(of: GrpcCall): Promise<string | undefined> {
  return new Promise((resolve) => {
    const { host, port, service, timeoutMs } = of;
    const session = connect(`http://${host.includes(':') ? `[${host}]` : host}:${port}`);
    const settle = (problem?: string): void => {
      clearTimeout(late);
      resolve(problem);
      session.destroy();
    };
    const late = setTimeout(() => settle('no answer in time'), timeoutMs);
    session.on('error', (error) => settle(problemOf(error)));
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: PATH,
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-timeout': `${Math.ceil(timeoutMs)}m`,
    });
    let answer = Buffer.alloc(0);
    let status: string | undefined;
    let message = '';
    const note = (headers: Readonly<Record<string, unknown>>): void => {
      const found = headers['grpc-status'];
      if (found === undefined) return;
      status = String(found);
      message = decoded(String(headers['grpc-message'] ?? ''));
    };
    stream.on('error', (error) => settle(problemOf(error)));
    stream.on('response', (headers) => {
      note(headers);
      const http = headers[':status'];
      if (http !== 200) settle(`HTTP ${http}: it speaks no gRPC`);
    });
    stream.on('trailers', note);
    stream.on('data', (chunk: Uint8Array) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length > ANSWER_BYTES_MAX) settle('the answer is no health status');
    });
    stream.on('end', () => settle(problemIn(answer, status, message)));
    stream.on('close', () => settle('the connection was closed without an answer'));
    stream.end(framed(request(service)));
  });
}

/** HealthCheckRequest: field 1, a string; left out when empty. */
function request(service: string): Buffer {
  const text = Buffer.from(service, 'utf8');
  if (text.length === 0) return text;
  return Buffer.concat([Buffer.from([0x0a, ...varint(text.length)]), text]);
}

function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** HealthCheckResponse: field 1, a number; absent when 0. */
function problemIn(
  answer: Buffer,
  status: string | undefined,
  message: string,
): string | undefined {
  if (status !== '0') {
    const code = status === undefined ? 'no status' : (codes[status] ?? `status ${status}`);
    return ['gRPC', code, message && `(${message})`].filter(Boolean).join(' ');
  }
  const body = answer.subarray(HEAD_BYTES);
  if (answer.length < HEAD_BYTES || answer[0] !== 0) return 'the answer is no health status';
  if (body.length === 0) return 'UNKNOWN';
  if (body[0] !== 0x08 || body.length < 2) return 'the answer is no health status';
  const serving = statuses[body[1] ?? 0] ?? `status ${body[1]}`;
  return serving === 'SERVING' ? undefined : serving;
}

/** A message comes percent-encoded; one that is not is shown as it is. */
function decoded(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}

function varint(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

function problemOf(error: Error): string {
  // A stream that could not be is told before the connection that could not: it knows why.
  const { code, message } = (error.cause ?? error) as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return 'nobody takes connections there';
  return code?.startsWith('ERR_HTTP2') ? 'it speaks no HTTP/2' : (code ?? message);
}
