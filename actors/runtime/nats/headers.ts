/** Headers on the wire: written and read without nats.js's canonical names, which cost more than the rest. */
import type { Msg, MsgHdrs } from 'nats';
import type { Headers } from '../ports.ts';

const text = new TextEncoder();
const LINE_END = '\r\n';

/** Headers as nats.js's `publish` wants them: it only encodes. */
export function writeHeaders(headers: Headers): MsgHdrs {
  let block = 'NATS/1.0\r\n';
  for (const name in headers) block += `${name}: ${headers[name]}\r\n`;
  const bytes = text.encode(`${block}\r\n`);
  return { encode: () => bytes } as unknown as MsgHdrs;
}

/** The headers of a received message, the first value of each. */
export function readHeaders(message: Msg): Headers {
  const block = blockOf(message);
  if (block === undefined) return {};
  const headers: Record<string, string> = {};
  for (let from = block.indexOf(LINE_END) + 2; from > 1; ) {
    const end = block.indexOf(LINE_END, from);
    const colon = block.indexOf(':', from);
    if (end < 0 || colon < 0) break;
    const name = block.slice(from, colon);
    if (colon < end && !Object.hasOwn(headers, name))
      headers[name] = block.slice(colon + 1, end).trim();
    from = end + 2;
  }
  return headers;
}

/** The text of a message's headers: what stands before its data, by its size; undefined: it has none. */
function blockOf(message: Msg): string | undefined {
  const { data, subject, reply = '' } = message;
  // Every message that nats.js receives says its size, though its type does not.
  const whole = (message as Msg & { size(): number }).size();
  const bytes = whole - Buffer.byteLength(subject) - Buffer.byteLength(reply) - data.length;
  if (bytes <= 0) return undefined;
  return Buffer.from(data.buffer, data.byteOffset - bytes, bytes).toString();
}

/** Whether headers mark a deletion: by a writer, or by the server when a TTL ran out. */
export function isDeletion(headers: Headers): boolean {
  const operation = headers['KV-Operation'];
  return (
    operation === 'DEL' || operation === 'PURGE' || headers['Nats-Marker-Reason'] !== undefined
  );
}
