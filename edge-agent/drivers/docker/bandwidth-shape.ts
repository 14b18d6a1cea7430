/**
 * A limit of bandwidth in the words of tc(8), and the two ends of each network interface it is set at.
 * What a container sends is limited where it leaves its own network, and what it gets where the
 * machine hands it over: a queue limits only what goes out of its interface. All that goes through
 * counts, with its Ethernet headers, of IPv4 as of IPv6; what it says to itself does not.
 */
import { z } from 'zod';

/**
 * Interrupts of the kernel's clock a second, the fewest there are (kernel/Kconfig.hz: 100 to 1000).
 * tc-tbf(8): a bucket smaller than the rate divided by this keeps a rate from being reached.
 */
const HZ_MIN = 100;
/** A bucket holds at least so many packets: one that is larger than it is thrown away (sch_tbf.c). */
const PACKETS_MIN = 2;
/** How long a packet may wait for its turn, in milliseconds, before it is dropped: tc-tbf(8)'s example. */
const LATENCY_MS = 70;

/** The queue of an interface with this MTU, in bytes, that lets so many bits through a second. */
export function queueOf(bitsPerSecond: number, mtu: number): readonly string[] {
  const burst = Math.max(Math.ceil(bitsPerSecond / 8 / HZ_MIN), PACKETS_MIN * mtu);
  return ['tbf', 'rate', `${bitsPerSecond}bit`, 'burst', `${burst}b`, 'latency', `${LATENCY_MS}ms`];
}

/** Interfaces as `ip -j link show` tells them; the rest of it is read past. */
export const linksTold = z.array(
  z.object({
    ifindex: z.number().int(),
    ifname: z.string(),
    flags: z.array(z.string()),
    mtu: z.number().int(),
    /** The other end of a pair that is in another network, by its number there. */
    link_index: z.number().int().optional(),
  }),
);
export type Link = z.infer<typeof linksTold>[number];

/** One interface of a container. */
export interface Ends {
  /** Its name in the container, and its MTU in bytes. */
  readonly inside: string;
  readonly mtu: number;
  /** Name of its other end on the machine. */
  readonly outside: string;
}

/**
 * Both ends of all a container can send by. What is down cannot be brought up without a right no
 * container has: kernels put tunnels nobody uses into each network. Throws where an interface has no
 * other end here.
 */
export function endsOf(inside: readonly Link[], outside: readonly Link[]): readonly Ends[] {
  const used = inside.filter(({ flags }) => flags.includes('UP') && !flags.includes('LOOPBACK'));
  return used.map(({ ifname, ifindex, mtu, link_index: other }) => {
    const peer = outside.find((each) => each.ifindex === other && each.link_index === ifindex);
    if (!peer) throw new Error(`its interface ${ifname} has no other end on this machine`);
    return { inside: ifname, mtu, outside: peer.ifname };
  });
}
