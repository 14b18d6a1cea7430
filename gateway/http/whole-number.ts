/** Makes sure that a number in a query or a header is one: digits, nothing else. */
import { z } from 'zod';

/** Text becomes a number; what is not all digits (`1e3`, ``, ` 5`) is refused by the schema. */
export function wholeNumber(range: { readonly from: number; readonly to: number }) {
  const { from, to } = range;
  const message = `a whole number from ${from} to ${to}`;
  return z.preprocess(
    (text) => (typeof text === 'string' && /^\d{1,16}$/.test(text) ? Number(text) : text),
    z.number(message).int(message).min(from, message).max(to, message),
  );
}
