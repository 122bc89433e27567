# Completions of @program@(1) for bash, by the tables of agent/cmd: `make completions`.

# One of the kinds: a name, or words with commas between them.
_@program@_value() {
	local line
	case $1 in
	none | text) ;;
	file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	folder) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	alarms | dead | events | incidents | silences)
		while IFS=$'\t' read -r line _; do
			[[ $line == "$cur"* ]] && COMPREPLY+=("$(printf %q "$line")")
		done < <("${COMP_WORDS[0]}" completion --list "$1" ${conf:+-c "$conf"} 2>/dev/null)
		;;
	*) mapfile -t COMPREPLY < <(compgen -W "${1//,/ }" -- "$cur") ;;
	esac
}

_@program@() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local options= verbs= operand=none verb= conf= i o name kind only words=()
	COMPREPLY=()
	# --name=value comes in three pieces.
	if [[ $cur == = ]]; then
		cur=
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD-2]}
	fi
	local commands='@commands@ help'
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
		return
	fi
	case ${COMP_WORDS[1]} in
@cases@	help) operand=${commands// /,} ;;
	*) return ;;
	esac
	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i-1]} in -c | --config) conf=${COMP_WORDS[i]} ;; esac
		for o in $verbs; do
			[[ -z $verb && ${COMP_WORDS[i]} == "${o%%=*}" ]] &&
				verb=${o%%=*} operand=${o#*=}
		done
	done
	conf=${conf/#\~\//$HOME/}
	for o in $options; do
		only=${o#*@} o=${o%%@*}
		name=${o%%=*} kind=${o#*=}
		# The first verb is meant where none is given.
		[[ $only == "$o" || ,$only, == *,${verb:-${verbs%%=*}},* ]] || continue
		if [[ $prev == "$name" && $kind != "$o" ]]; then
			_@program@_value "$kind"
			return
		fi
		words+=("$name")
	done
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$cur")
	elif [[ $verbs && -z $verb ]]; then
		words=()
		for o in $verbs; do words+=("${o%%=*}"); done
		mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$cur")
	else
		_@program@_value "$operand"
	fi
}
complete -F _@program@ @program@
