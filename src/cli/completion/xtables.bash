# Completion of xtables for bash:  source <(xtables completion bash)

# What stands on the line up to the cursor, as `words`: bash takes words apart at = and : as well.
_xtables_words() {
  local i word before rest=$COMP_LINE
  words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    before=${rest%%"$word"*}
    rest=${rest#"$before$word"}
    [[ $i -eq $COMP_CWORD && $word != [=:]* ]] && word=$1
    if [[ $i -gt 1 && -z $before && ($word == [=:]* || ${COMP_WORDS[i - 1]} == *[=:]) ]]; then
      words[${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
  done
  for i in "${!words[@]}"; do
    word=${words[i]}
    [[ $word == \"*\" || $word == \'*\' ]] && words[i]=${word:1:${#word}-2}
  done
}

_xtables() {
  local program=xtables words prefix line word
  [[ ${1##*/} == xtables ]] && program=$1
  _xtables_words "$2"
  word=${words[${#words[@]} - 1]}
  # bash puts in place what stands behind = or : alone.
  prefix=${word%"$2"}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :file | :directory)
        compopt -o filenames 2>/dev/null
        while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -A "${line#:}" -- "$2")
        ;;
      *)
        line=${line%%$'\t'*}
        printf -v word %q "${line#"$prefix"}"
        COMPREPLY+=("$word")
        ;;
    esac
  done < <("$program" complete -- "${words[@]}" 2>/dev/null </dev/null)
}

complete -F _xtables xtables
