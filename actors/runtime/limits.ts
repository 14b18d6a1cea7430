/** Limits of one actor (R6, R8): what is not limited here is limited by a contract. */
export const limits = {
  /** Messages waiting; above it asks are refused and events dropped. */
  mailboxMax: 65_536,
  /** Messages whose effects are under way. */
  flowsMax: 512,
  /** How often one message is handled before it is given up. */
  attemptsMax: 24,
  /** Steps in one turn of the event loop. */
  turnSteps: 256,
  /** Timers that are set. */
  alarmsMax: 200_000,
  /** A step that takes longer is counted: it should continue by message. */
  stepBudgetMs: 5,
  /** When a work item that failed comes again, the first time; doubles with each failure. */
  retryMs: 1_000,
  /** The longest wait of a work item that failed. */
  retryMsMax: 30_000,
  /** Deliveries of a work item after which a failure makes it a dead letter (R5). */
  deliveriesMax: 5,
  /** Throws within `faultsWithinMs` after which the process ends, to begin anew (R4). */
  faultsMax: 100,
  faultsWithinMs: 60_000,
} as const;
