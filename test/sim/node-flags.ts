/** How Node is told to run storms: for minutes on end, the same code again and again. */
export const stormFlags: readonly string[] = [
  // What a storm makes is garbage soon: copied out of a young space of 16 MB it would be old.
  '--max-semi-space-size=64',
  // Half of the time is spent in Node's own code, which then lies in few pages; elsewhere without.
  '--use-largepages=silent',
  // Nothing is run only once: what is run is compiled at once, and knows its types from the first time.
  '--no-lazy-feedback-allocation',
  '--always-sparkplug',
  // Storms have one core each: threads that collect beside them take as much of others, and wait for each other.
  '--single-threaded-gc',
];
