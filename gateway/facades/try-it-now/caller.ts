/**
 * Makes sure that a caller is the address its quota is of: what a proxy says counts only where the
 * proxy is trusted, and the last address that no trusted proxy has is the caller's.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** Proxies whose word is believed. */
export class Proxies {
  readonly #list = new BlockList();

  /** Takes addresses and networks (`10.0.0.0/8`); throws for what is neither. */
  constructor(all: readonly string[]) {
    for (const each of all) {
      const [address = '', bits] = each.split('/');
      const family = familyOf(address);
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(bits), family);
    }
  }

  /** Whether an address is one of them. */
  has(address: string): boolean {
    return isIP(address) > 0 && this.#list.check(address, familyOf(address));
  }

  /** The caller: `peer` is the other end of the connection, the headers are as they came. */
  callerOf(peer: string, headers: IncomingHttpHeaders): string {
    const direct = plain(peer);
    if (!this.has(direct)) return direct;
    const said = [headers['x-forwarded-for'], headers['x-real-ip']];
    for (const header of said) {
      const found = this.#behind([header ?? ''].flat().join(','));
      if (found !== undefined) return plain(found);
    }
    return direct;
  }

  /** The first address from the right that no trusted proxy has; the last one if all are trusted. */
  #behind(header: string): string | undefined {
    const all = header.split(',').map((each) => each.trim());
    for (let index = all.length - 1; index >= 0; index--) {
      const address = all[index] as string;
      if (isIP(address) === 0 || address.includes('%')) return undefined;
      if (index === 0 || !this.has(plain(address))) return address;
    }
    return undefined;
  }
}

/** One text for each address: IPv4 in IPv6 is IPv4, IPv6 as short as it can be, in lower case. */
function plain(address: string): string {
  const v4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (v4) return v4[1] as string;
  if (isIP(address) !== 6) return address;
  return new URL(`http://[${address.split('%', 1)[0]}]/`).hostname.slice(1, -1);
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

/** An address in letters that a key may have (subjects/quota.ts). */
export function callerKey(address: string): string {
  return address.replaceAll(/[^A-Za-z0-9]/g, '-').slice(0, 64) || 'unknown';
}
