/** Whether an engine's containers are on the agent's machine and within its reach. */

/** Where the agent is, as the kernel says. */
export interface AgentPlace {
  readonly hostname: string;
  /** Release of its kernel. */
  readonly kernel: string;
}

/** Why what limits an engine's containers is not the agent's to set; undefined: it may be. */
export function outOfReach(
  info: { readonly [name: string]: unknown },
  { hostname, kernel }: AgentPlace,
): string | undefined {
  if (info['Name'] !== hostname || info['KernelVersion'] !== kernel) {
    return 'the engine is on another machine than the agent, or one of them is in a container';
  }
  const options = Array.isArray(info['SecurityOptions']) ? info['SecurityOptions'] : [];
  if (options.some((each) => String(each).split(',').includes('name=rootless'))) {
    return 'the engine runs without root: it may not limit this, nor may the agent for it';
  }
  return undefined;
}
