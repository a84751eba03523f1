// What shells need to complete `leanto` on their command lines. Each asks `leanto __complete` with
// the words so far; nothing of what there is to complete is written here.
#pragma once

namespace leanto::cli {

// Bash splits words at ":" and "=", and takes what follows the last of them for the word: so words
// are put together again, and what bash thinks is there already is taken off.
inline constexpr const char* kBashCompletion =
    R"(# Completion of leanto for bash. In ~/.bashrc:  source <(leanto completion bash)
_leanto() {
  local line word words=() joined= i IFS=$'\n'
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $joined || $word == [:=]* ]] && ((${#words[@]} > 0)); then
      words[${#words[@]}-1]+=$word
    else
      words+=("$word")
    fi
    if [[ $word == *[:=] ]]; then joined=1; else joined=; fi
  done
  local typed= before=
  ((${#words[@]} > 0)) && typed=${words[${#words[@]}-1]}
  if [[ $typed == *[:=]* ]]; then before=${typed%"${typed##*[:=]}"}; fi
  COMPREPLY=()
  while read -r line; do
    line=${line%%$'\t'*}
    printf -v line %q "${line#"$before"}"
    COMPREPLY+=("$line")
  done < <("${COMP_WORDS[0]/#\~/$HOME}" __complete "${words[@]}" 2>/dev/null)
}
complete -F _leanto leanto
)";

inline constexpr const char* kZshCompletion = R"(#compdef leanto
# Completion of leanto for zsh. In ~/.zshrc, after compinit:  source <(leanto completion zsh)
_leanto() {
  local line
  local -a lines candidates
  lines=("${(@f)$(${(Q)words[1]} __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $lines; do
    [[ -n $line ]] && candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
  done
  _describe leanto candidates
}
compdef _leanto leanto
)";

inline constexpr const char* kFishCompletion =
    R"(# Completion of leanto for fish. In ~/.config/fish/config.fish:  leanto completion fish | source
function __leanto_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c leanto -f -a '(__leanto_complete)'
)";

}  // namespace leanto::cli
