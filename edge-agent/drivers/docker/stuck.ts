/**
 * Makes sure that nobody waits for an engine that takes what it is told and does none of it: what goes on
 * is waited for, however much it is, and what stands still is not.
 */

/** How often it is looked whether anything goes on, in milliseconds. */
const LOOK_MS = 100;

/**
 * Waits for what is under way. `left` says what is left of it, in any words: the same for `stuckMs`
 * milliseconds, it stands still. True: it is over; false: it stands still. Rejects as it does.
 */
export async function isOverOrStuck(
  underWay: Promise<void>,
  left: () => string,
  stuckMs: number,
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const stuck = new Promise<false>((resolve) => {
    let last = left();
    let since = performance.now();
    timer = setInterval(() => {
      const now = left();
      if (now !== last) since = performance.now();
      last = now;
      if (performance.now() - since >= stuckMs) resolve(false);
    }, LOOK_MS);
  });
  try {
    return await Promise.race([underWay.then(() => true), stuck]);
  } finally {
    clearInterval(timer);
  }
}
