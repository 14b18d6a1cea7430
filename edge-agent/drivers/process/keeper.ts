/**
 * The keeper: a few lines of shell between the agent and an instance's command, so that the agent
 * may die without the instance noticing. It leads the instance's own session, joins the cgroups
 * before the command runs, survives the polite signals the group gets, and writes down how the
 * command ended for whoever reads it later.
 *
 * POSIX shell, not Node: one per instance, about a megabyte each.
 */

/** Arguments: the run's folder, its cgroup.procs files (or none), `--`, the command. */
export const KEEPER = `#!/bin/sh
# Written by the agent of Shoal; runs one instance and writes down how it ended.
run=$1
shift
while [ "$1" != "--" ]; do
  echo $$ > "$1" 2>/dev/null
  shift
done
shift
echo $$ > "$run/pid.new" && mv "$run/pid.new" "$run/pid"
trap : TERM INT HUP
"$@"
code=$?
echo "$code" > "$run/exit.new" && mv "$run/exit.new" "$run/exit"
exit "$code"
`;

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

/** How a command ended, from what the keeper wrote. */
export function endOf(written: string): {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
} {
  const code = Number.parseInt(written, 10);
  if (Number.isNaN(code)) return { exitCode: undefined, signal: undefined };
  const signal = signals[code - 128];
  return signal === undefined ? { exitCode: code, signal } : { exitCode: undefined, signal };
}
