/** What it means when an instance could not be asked, or did not answer. */

export interface Meaning {
  /**
   * `refused`: it never had the call, and that was known at once. `not-taken`: it never had it, which took
   * a while to find out. `hung-up`: it may have had it, and did not begin to answer. `other`: it had it.
   */
  readonly kind: 'refused' | 'not-taken' | 'hung-up' | 'other';
  readonly text: string;
}

const refused: Meaning = { kind: 'refused', text: 'it takes no connections' };
const unreached: Meaning = { kind: 'not-taken', text: 'it cannot be reached' };
const slow: Meaning = { kind: 'not-taken', text: 'it did not take the connection in time' };
const gone: Meaning = { kind: 'hung-up', text: 'it hung up before it answered' };
const left: Meaning = { kind: 'hung-up', text: 'its node is offline, and it takes no connections' };
const silent: Meaning = { kind: 'other', text: 'it did not begin to answer in time' };

const meanings: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: refused,
  EHOSTUNREACH: unreached,
  UND_ERR_CONNECT_TIMEOUT: slow,
  ECONNRESET: gone,
  EPIPE: gone,
  UND_ERR_SOCKET: gone,
  SHOAL_GONE: left,
  UND_ERR_HEADERS_TIMEOUT: silent,
};

/** Errors of the proxy wrap those of the connection. */
export function failureOf(error: Error): Meaning {
  const { code } = (error.cause ?? error) as { readonly code?: string };
  return meanings[code ?? ''] ?? { kind: 'other', text: error.message };
}
