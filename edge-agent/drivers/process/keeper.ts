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
trap 'isStopping=1' TERM
trap : INT HUP
ended() {
  echo "$1" > "$run/exit.new" && mv "$run/exit.new" "$run/exit"
  exit "$1"
}
step() {
  echo "$1" > "$run/step.new" && mv "$run/step.new" "$run/step"
  shift
  "$@" || ended $?
  # What is to stop does not go on because a step ended politely.
  [ -z "$isStopping" ] || ended 143
}
if [ -f "$run/init" ]; then
  . "$run/init"
  : > "$run/begun"
fi
"$@"
ended $?
`;
