/** What `shoal` ends with: scripts rely on these, so a number keeps its meaning. */
export const exitCodes = {
  /** Done. */
  ok: 0,
  /** The fabric said no; or what was waited for ended badly. */
  refused: 1,
  /** The command line or a manifest is wrong; nothing was sent. */
  usage: 2,
  /** Nobody answers at the gateway's (of `micro`: the bus's) address. */
  unreachable: 3,
  /** What was waited for did not come in time; it may still come. */
  waitOver: 4,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
