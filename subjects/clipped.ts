/** Texts from elsewhere, cut so that what tells them keeps its bounds. */

/** Most bytes a character of a text takes within JSON: a control character's `\\u0000`. */
const CHAR_BYTES_MAX = 6;

/** The begin of a text that takes at most so many bytes within JSON, whole characters only. */
export function clipped(text: string, bytesMax: number): string {
  if (text.length * CHAR_BYTES_MAX <= bytesMax || writtenBytes(text) <= bytesMax) return text;
  let bytes = 0;
  let end = 0;
  for (const char of text) {
    bytes += writtenBytes(char);
    if (bytes > bytesMax) break;
    end += char.length;
  }
  return text.slice(0, end);
}

/** Bytes of a text within JSON, without its quotes. */
function writtenBytes(text: string): number {
  return new TextEncoder().encode(JSON.stringify(text)).length - 2;
}
