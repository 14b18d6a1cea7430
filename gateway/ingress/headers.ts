/**
 * Makes sure that what concerns one connection only stays on it (RFC 9110 §7.6.1), and that an
 * instance learns for whom it is asked.
 */
type HeaderValue = string | string[] | undefined;
type Headers = Readonly<Record<string, HeaderValue>>;

const hopByHop = new Set([
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** For whom a call is forwarded. */
export interface ForwardedFor {
  /** Id of the request. */
  readonly id: string;
  readonly address: string;
  readonly protocol: string;
  /** The Host header as it came. */
  readonly host: string;
}

/** Headers for the instance: its Host is the one the caller named. */
export function requestHeaders(
  headers: Headers,
  caller: ForwardedFor,
  options: { readonly hasBody: boolean },
): Record<string, HeaderValue> {
  const { 'content-length': length, ...kept } = endToEnd(headers);
  const honest = Object.entries(kept).filter(([name]) => !claimsToForward(name));
  return {
    ...Object.fromEntries(honest),
    ...(options.hasBody && length !== undefined ? { 'content-length': length } : {}),
    host: caller.host,
    'x-request-id': caller.id,
    'x-forwarded-for': caller.address,
    'x-forwarded-host': caller.host,
    'x-forwarded-proto': caller.protocol,
  };
}

/** Headers for the instance of a WebSocket; what the handshake needs is made anew. */
export function webSocketHeaders(
  headers: Headers,
  caller: ForwardedFor,
): Record<string, HeaderValue> {
  const all = requestHeaders(headers, caller, { hasBody: false });
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => !name.startsWith('sec-websocket-')),
  );
}

/** Headers of an answer as they go on to the caller. */
export function answerHeaders(headers: Headers): Record<string, HeaderValue> {
  return endToEnd(headers);
}

/** Headers of an answer with one more cookie beside those of the instance. */
export function withCookie(
  headers: Record<string, HeaderValue>,
  cookie: string | undefined,
): Record<string, HeaderValue> {
  if (cookie === undefined) return headers;
  return { ...headers, 'set-cookie': [headers['set-cookie'] ?? [], cookie].flat() };
}

/** Whether a header tells on whose behalf a call is made: a stranger's word is not passed on. */
function claimsToForward(name: string): boolean {
  return name === 'forwarded' || name === 'x-real-ip' || name.startsWith('x-forwarded-');
}

function endToEnd(headers: Headers): Record<string, HeaderValue> {
  const named = String(headers['connection'] ?? '')
    .toLowerCase()
    .split(',')
    .map((each) => each.trim());
  const entries = Object.entries(headers).filter(
    ([name]) => !hopByHop.has(name) && !named.includes(name),
  );
  return Object.fromEntries(entries);
}
