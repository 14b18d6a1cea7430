/** JSON from somebody else, before a schema judges it. */
const untext = new TextDecoder();

/** The value of a JSON text; undefined: it is none, and a schema will say so. */
export function tolerantJson(text: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof text === 'string' ? text : untext.decode(text));
  } catch {
    return undefined;
  }
}
