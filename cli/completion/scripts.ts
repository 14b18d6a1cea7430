/**
 * What a shell needs to complete `shoal`: it asks `shoal complete` with the words so far. A line of
 * its answer is a candidate, a tab, and what it is; `:file` alone stands for any file.
 */
export const completionShells = ['bash', 'zsh', 'fish'] as const;
export type CompletionShell = (typeof completionShells)[number];

export const scripts: Readonly<Record<CompletionShell, string>> = {
  bash: `# shoal completion for bash: source <(shoal completion bash)
_shoal() {
  local current="\${COMP_WORDS[COMP_CWORD]}" answer
  answer="$(shoal complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)"
  COMPREPLY=()
  if [ "$answer" = ":file" ]; then
    compopt -o default 2>/dev/null
    return
  fi
  while IFS=$'\\t' read -r text _; do
    [[ -n "$text" && "$text" == "$current"* ]] && COMPREPLY+=("$text")
  done <<< "$answer"
}
complete -F _shoal shoal`,
  zsh: `#compdef shoal
# shoal completion for zsh: source <(shoal completion zsh)
_shoal() {
  local answer line
  local -a found
  answer="$(shoal complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"
  if [[ "$answer" == ":file" ]]; then
    _files
    return
  fi
  for line in "\${(@f)answer}"; do
    [[ -n "$line" ]] && found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  _describe 'shoal' found
}
compdef _shoal shoal`,
  fish: `# shoal completion for fish: shoal completion fish | source
function __shoal_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l answer (shoal complete -- $words[2..-1] 2>/dev/null)
  if test "$answer" = ":file"
    __fish_complete_path (commandline -ct)
    return
  end
  printf '%s\\n' $answer
end
complete -c shoal -f -a '(__shoal_complete)'`,
};
