/**
 * Makes sure that everything a method says no with is one kind of answer: the status that the
 * catalogue of refusals has for the code, with google.rpc.Status in `grpc-status-details-bin`.
 */
import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { meaningOf } from '../../subjects/index.ts';
import type { Problem } from '../http/problem.ts';
import { REQUEST_ID_HEADER } from '../http/refuse.ts';
import { readProto } from './contract.ts';

const DETAILS = 'grpc-status-details-bin';
/** `domain` of each ErrorInfo: who the code is of. */
const DOMAIN = 'shoal';
/** How long to wait before asking again, in seconds, where that can help. */
const RETRY_SECONDS = 1;

const rpc = readProto(['google/rpc/error_details.proto']);

/** The status a problem is told as. */
export function statusOf(problem: Problem): StatusObject {
  const { code: reason, detail, id, places = [] } = problem;
  const { grpc, retry, user } = meaningOf({ code: reason, detail, status: problem.status });
  const code = status[grpc as keyof typeof status];
  const said = withoutPart(reason, detail);
  const details = [
    any('ErrorInfo', { reason, domain: DOMAIN, metadata: { id, retry, title: user } }),
    ...(retry === 'later' ? [any('RetryInfo', { retryDelay: { seconds: RETRY_SECONDS } })] : []),
    ...(places.length > 0
      ? [
          any('BadRequest', {
            fieldViolations: places.map(({ path, message }) => ({
              ...{ field: withoutPart(reason, path), description: message },
            })),
          }),
        ]
      : []),
  ];
  const metadata = new Metadata();
  metadata.set(DETAILS, encode('Status', { code, message: said, details }));
  metadata.set(REQUEST_ID_HEADER, id);
  return { code, details: said, metadata };
}

/** A field of the request, wherever it stands over HTTP. */
function withoutPart(reason: string, text: string): string {
  return reason === 'request-malformed' ? text.replace(/^(path|query|body|headers)\./, '') : text;
}

function any(name: string, value: object): object {
  return { type_url: `type.googleapis.com/google.rpc.${name}`, value: encode(name, value) };
}

function encode(name: string, value: object): Buffer {
  return Buffer.from(rpc.lookupType(`google.rpc.${name}`).encode(value).finish());
}
