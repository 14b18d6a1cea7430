/** Id of a request: the caller's own where it gives one that is fit for a log, else a new one. */
import type { IncomingMessage } from 'node:http';
import { REQUEST_ID_HEADER } from './refuse.ts';

const FIT = /^[A-Za-z0-9._-]{1,64}$/;

export function requestIds(newId: () => string): (request: IncomingMessage) => string {
  return (request) => requestId(request.headers[REQUEST_ID_HEADER], newId);
}

/** The id a caller has given, if it is fit. */
export function requestId(given: unknown, newId: () => string): string {
  return typeof given === 'string' && FIT.test(given) ? given : newId();
}
