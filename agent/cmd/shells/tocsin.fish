# Completions of tocsin(1) for fish, by the tables of agent/cmd: `make completions`.

function __tocsin_verbs
	switch $argv[1]
@cases@	end
end

function __tocsin_first
	test (count (commandline -opc)) -eq 1
end

# The verb that is there, or nothing.
function __tocsin_verb
	set -l words (commandline -opc)
	for w in $words[3..]
		contains -- $w (__tocsin_verbs $words[2]); and echo $w; and return
	end
end

# COMMAND without a verb yet
function __tocsin_lacks
	set -l words (commandline -opc)
	test "$words[2]" = $argv[1]; and test -z "$(__tocsin_verb)"
end

# COMMAND, and one of VERB... where they are given; the first of a command
# is meant where none stands there.
function __tocsin_is
	set -l words (commandline -opc)
	test "$words[2]" = $argv[1]; or return 1
	set -q argv[2]; or return 0
	set -l verb (__tocsin_verb)
	test -n "$verb"; or set verb (__tocsin_verbs $argv[1])[1]
	contains -- $verb $argv[2..]
end

# What the running agent knows of a kind.
function __tocsin_live
	set -l words (commandline -opc)
	set -l given
	for i in (seq 2 (count $words))
		contains -- $words[(math $i - 1)] -c --config; and set given -c $words[$i]
	end
	tocsin completion --list $argv[1] $given 2>/dev/null
end

complete -c tocsin -f
complete -c tocsin -l help -d 'say how it is used'
complete -c tocsin -n __tocsin_first -l version -d 'print the version'
complete -c tocsin -n __tocsin_first -a help -d 'the list of commands'
complete -c tocsin -n '__tocsin_is help' -a '(__tocsin_live commands)'
@commands@