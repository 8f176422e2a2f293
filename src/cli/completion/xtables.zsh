#compdef xtables
# Completion of xtables for zsh, behind compinit:  source <(xtables completion zsh)

_xtables() {
  local program=xtables line paths
  local -a given values shown
  [[ ${words[1]:t} == xtables ]] && program=${(Q)words[1]}
  given=("${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}")
  for line in "${(@f)$("$program" complete -- "${given[@]}" 2>/dev/null </dev/null)}"; do
    case $line in
      '') ;;
      :*) paths=$line ;;
      *)
        values+=("${line%%$'\t'*}")
        shown+=("${line/$'\t'/  -- }")
        ;;
    esac
  done
  (($#values)) && compadd -l -d shown -a values
  [[ -z $paths ]] && return
  compset -P '--*='
  [[ $paths == :file ]] && _files || _files -/
}

compdef _xtables xtables
