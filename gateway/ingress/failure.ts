/** What it means when an instance could not be asked, or did not answer. */

interface Meaning {
  /** Nobody took the connection, or it ended before there was an answer. */
  readonly isUnreached: boolean;
  readonly text: string;
}

const refused: Meaning = { isUnreached: true, text: 'it takes no connections' };
const slow: Meaning = { isUnreached: true, text: 'it did not take the connection in time' };
const gone: Meaning = { isUnreached: true, text: 'it hung up before it answered' };
const silent: Meaning = { isUnreached: false, text: 'it did not begin to answer in time' };

const meanings: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: refused,
  EHOSTUNREACH: refused,
  UND_ERR_CONNECT_TIMEOUT: slow,
  ECONNRESET: gone,
  EPIPE: gone,
  UND_ERR_SOCKET: gone,
  UND_ERR_HEADERS_TIMEOUT: silent,
};

/** Errors of the proxy wrap those of the connection. */
export function failureOf(error: Error): Meaning {
  const { code } = (error.cause ?? error) as { readonly code?: string };
  return meanings[code ?? ''] ?? { isUnreached: false, text: error.message };
}
