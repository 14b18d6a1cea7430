/** The host name a caller asked for: lower case, without port and without the final dot. */

/** Undefined: the header is missing or names no host. */
export function hostNameIn(header: string | undefined): string | undefined {
  const found = /^([A-Za-z0-9.-]{1,253}?)\.?(?::\d{1,5})?$/.exec(header ?? '');
  return found?.[1]?.toLowerCase();
}
