/** Makes sure that one answer does not flip what several in a row are needed for, either way. */

/** What the answers to one probe of one run have come to. */
export interface Count {
  /** Successes in a row, at most as many as matter. */
  readonly successes: number;
  /** Failures in a row. */
  readonly failures: number;
  readonly isPassing: boolean;
}

export interface Thresholds {
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

export const newCount = (isPassing: boolean): Count => ({ successes: 0, failures: 0, isPassing });

/** The count after one more answer. */
export function counted(before: Count, isSuccess: boolean, of: Thresholds): Count {
  const successes = isSuccess ? Math.min(before.successes + 1, of.successThreshold) : 0;
  const failures = isSuccess ? 0 : Math.min(before.failures + 1, of.failureThreshold);
  const isPassing = before.isPassing
    ? failures < of.failureThreshold
    : successes >= of.successThreshold;
  return { successes, failures, isPassing };
}

/** Whether so many failures in a row are enough to give up. */
export function hasFailed(count: Count, of: Thresholds): boolean {
  return count.failures >= of.failureThreshold;
}
