#compdef @program@
# Completions of @program@(1) for zsh, by the tables of agent/cmd: `make completions`.

# What the running agent knows of a kind.
_@program@_live() {
	local -a found given
	local line
	integer at=${words[(I)(-c|--config)]}
	((at)) && given=(-c ${(Q)words[at+1]/#\~\//$HOME/})
	for line in ${(f)"$(@program@ completion --list $1 $given 2>/dev/null)"}; do
		found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
	done
	_describe -t $1 $1 found
}

_@program@() {
	local curcontext=$curcontext state line
	local -a specs verbs commands
	typeset -A opt_args
	commands=(
@commands@		'help:the list of commands'
	)
	_arguments -C '(- *)--help[the list of commands]' \
		'(- *)--version[print the version]' \
		'1: :{_describe command commands}' '*:: :->rest' && return
	[[ $state == rest ]] || return 1
	curcontext=${curcontext%:*}-$words[1]:
	case $words[1] in
@cases@	help) specs=('1: :{_describe command commands}') ;;
	*) return 1 ;;
	esac
	_arguments -s $specs
}

_@program@ "$@"
