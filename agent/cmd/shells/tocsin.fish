# Completions of @program@(1) for fish, by the tables of agent/cmd: `make completions`.

function __@program@_verbs
	switch $argv[1]
@cases@	end
end

function __@program@_first
	test (count (commandline -opc)) -eq 1
end

# The verb that is there, or nothing.
function __@program@_verb
	set -l words (commandline -opc)
	for w in $words[3..]
		contains -- $w (__@program@_verbs $words[2]); and echo $w; and return
	end
end

# COMMAND without a verb yet
function __@program@_lacks
	set -l words (commandline -opc)
	test "$words[2]" = $argv[1]; and test -z "$(__@program@_verb)"
end

# COMMAND, and one of VERB... where they are given; the first of a command
# is meant where none stands there.
function __@program@_is
	set -l words (commandline -opc)
	test "$words[2]" = $argv[1]; or return 1
	set -q argv[2]; or return 0
	set -l verb (__@program@_verb)
	test -n "$verb"; or set verb (__@program@_verbs $argv[1])[1]
	contains -- $verb $argv[2..]
end

# What the running agent knows of a kind.
function __@program@_live
	set -l words (commandline -opc)
	set -l given
	for i in (seq 2 (count $words))
		contains -- $words[(math $i - 1)] -c --config; and set given -c $words[$i]
	end
	@program@ completion --list $argv[1] $given 2>/dev/null
end

complete -c @program@ -f
complete -c @program@ -l help -d 'say how it is used'
complete -c @program@ -n __@program@_first -l version -d 'print the version'
complete -c @program@ -n __@program@_first -a help -d 'the list of commands'
complete -c @program@ -n '__@program@_is help' -a '(__@program@_live commands)'
@commands@