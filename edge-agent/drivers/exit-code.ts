/** Makes sure that an exit code means the same whichever driver reports it. */

/** Names of signals by number, as far as shells report them: 128 + number. */
const signals: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  15: 'SIGTERM',
};

/** How a command ended, from the code a shell or an engine reports; no number: nobody knows. */
export function endOf(written: string): {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
} {
  const code = Number.parseInt(written, 10);
  if (Number.isNaN(code)) return { exitCode: undefined, signal: undefined };
  const signal = signals[code - 128];
  return signal === undefined ? { exitCode: code, signal } : { exitCode: undefined, signal };
}
