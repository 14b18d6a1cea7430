/**
 * Makes sure that an HTTP call to an instance ends in time, whatever it answers: one GET on a
 * connection of its own, redirects are answers, the body is not waited for and read to a bound only.
 *
 * With https no certificate is checked: instances have self-made ones, and what is asked is whether
 * somebody answers, not who.
 */
import { request as plain, type RequestOptions } from 'node:http';
import { request as secure } from 'node:https';
import { VERSION } from '../../actors/runtime/version.ts';

/** Most of a body that is read, in bytes: so much a server may say without its connection being cut. */
const BODY_BYTES_MAX = 16_384;

export interface HttpCall {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** What came of a call: the status, or why there is none, in a few words. */
export type HttpAnswer = { readonly status: number } | { readonly problem: string };

/** Makes the call; never rejects. */
export function callHttp(of: HttpCall): Promise<HttpAnswer> {
  return new Promise((resolve) => {
    const { host, port, path } = of;
    const headers = { 'user-agent': `shoal-probe/${VERSION}`, ...of.headers };
    const options: RequestOptions & { rejectUnauthorized: boolean } = {
      ...{ host, port, path, headers, method: 'GET', agent: false },
      rejectUnauthorized: false,
    };
    const call = (of.scheme === 'https' ? secure : plain)(options);
    const late = setTimeout(() => {
      resolve({ problem: 'no answer in time' });
      call.destroy();
    }, of.timeoutMs);
    call.once('close', () => {
      clearTimeout(late);
      resolve({ problem: 'the connection was closed without an answer' });
    });
    call.on('error', (error) => resolve({ problem: problemOf(error) }));
    call.once('response', (response) => {
      resolve({ status: response.statusCode ?? 0 });
      let bytes = 0;
      response.on('error', () => undefined);
      response.on('data', (chunk: Uint8Array) => {
        bytes += chunk.length;
        if (bytes > BODY_BYTES_MAX) call.destroy();
      });
    });
    call.end();
  });
}

function problemOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'nobody takes connections there';
  if (error.code === 'ECONNRESET') return 'the connection was closed without an answer';
  if (error.code?.startsWith('HPE_')) return 'the answer is no HTTP';
  return error.code ?? error.message;
}
