/**
 * The cookie by which a caller stays with an instance: a digest, because a cookie is readable to
 * whoever holds it and an instance's name is none of their business.
 */
import { createHash } from 'node:crypto';
import type { Endpoint } from './endpoints.ts';

const NAME = 'shoal-affinity';
/** Of the digest, in hexadecimal digits: 64 bits tell a thousand instances apart. */
const DIGITS = 16;

const digestOf = ({ instance }: Endpoint): string =>
  createHash('sha256').update(instance).digest('hex').slice(0, DIGITS);

/** The endpoint that a Cookie header names; undefined: none of these. */
export function byCookie(
  endpoints: readonly Endpoint[],
  header: string | undefined,
): Endpoint | undefined {
  if (header === undefined || !header.includes(NAME)) return undefined;
  for (const each of header.split(';')) {
    const [name, value] = each.trim().split('=');
    if (name === NAME) return endpoints.find((endpoint) => digestOf(endpoint) === value);
  }
  return undefined;
}

/** The Set-Cookie header by which a caller comes back: for as long as its browser is open. */
export function cookieOf(endpoint: Endpoint): string {
  return `${NAME}=${digestOf(endpoint)}; Path=/; HttpOnly; SameSite=Lax`;
}
