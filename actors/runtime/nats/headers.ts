/** Headers on the wire: written without nats.js's canonical names, which cost more than the rest. */
import type { Msg, MsgHdrs } from 'nats';
import type { Headers } from '../ports.ts';

const text = new TextEncoder();

/** Headers as nats.js's `publish` wants them: it only encodes. */
export function writeHeaders(headers: Headers): MsgHdrs {
  let block = 'NATS/1.0\r\n';
  for (const name in headers) block += `${name}: ${headers[name]}\r\n`;
  const bytes = text.encode(`${block}\r\n`);
  return { encode: () => bytes } as unknown as MsgHdrs;
}

/** The headers of a received message, the first value of each. */
export function readHeaders(message: Msg): Headers {
  const headers: Record<string, string> = {};
  if (message.headers)
    for (const [name, values] of message.headers) headers[name] = values[0] ?? '';
  return headers;
}

/** Whether headers mark a deletion: by a writer, or by the server when a TTL ran out. */
export function isDeletion(headers: Headers): boolean {
  const operation = headers['KV-Operation'];
  return (
    operation === 'DEL' || operation === 'PURGE' || headers['Nats-Marker-Reason'] !== undefined
  );
}
