# Completions of stackflow(1) for fish, by the tables of agent/cmd: `make completions`.

function __stackflow_verbs
	switch $argv[1]
		case incidents
			printf '%s\n' list show create note update bulk-close bulk-update
		case changes
			printf '%s\n' list create
		case cis
			printf '%s\n' list import
		case articles
			printf '%s\n' list search
	end
end

function __stackflow_first
	test (count (commandline -opc)) -eq 1
end

# The verb that is there, or nothing.
function __stackflow_verb
	set -l words (commandline -opc)
	for w in $words[3..]
		contains -- $w (__stackflow_verbs $words[2]); and echo $w; and return
	end
end

# COMMAND without a verb yet
function __stackflow_lacks
	set -l words (commandline -opc)
	test "$words[2]" = $argv[1]; and test -z "$(__stackflow_verb)"
end

# COMMAND, and one of VERB... where they are given; the first of a command
# is meant where none stands there.
function __stackflow_is
	set -l words (commandline -opc)
	test "$words[2]" = $argv[1]; or return 1
	set -q argv[2]; or return 0
	set -l verb (__stackflow_verb)
	test -n "$verb"; or set verb (__stackflow_verbs $argv[1])[1]
	contains -- $verb $argv[2..]
end

# What the running agent knows of a kind.
function __stackflow_live
	set -l words (commandline -opc)
	set -l given
	for i in (seq 2 (count $words))
		contains -- $words[(math $i - 1)] -c --config; and set given -c $words[$i]
	end
	stackflow completion --list $argv[1] $given 2>/dev/null
end

complete -c stackflow -f
complete -c stackflow -l help -d 'say how it is used'
complete -c stackflow -n __stackflow_first -l version -d 'print the version'
complete -c stackflow -n __stackflow_first -a help -d 'the list of commands'
complete -c stackflow -n '__stackflow_is help' -a '(__stackflow_live commands)'
complete -c stackflow -n __stackflow_first -a incidents -d 'list, show, create, note, update, bulk-close, bulk-update'
complete -c stackflow -n '__stackflow_lacks incidents' -a list -d 'those that filters let through'
complete -c stackflow -n '__stackflow_lacks incidents' -a show -d 'all of one, with its notes'
complete -c stackflow -n '__stackflow_is incidents show' -a '(__stackflow_live incidents)'
complete -c stackflow -n '__stackflow_lacks incidents' -a create -d 'open one'
complete -c stackflow -n '__stackflow_lacks incidents' -a note -d 'append a note'
complete -c stackflow -n '__stackflow_is incidents note' -a '(__stackflow_live incidents)'
complete -c stackflow -n '__stackflow_lacks incidents' -a update -d 'change fields of one'
complete -c stackflow -n '__stackflow_is incidents update' -a '(__stackflow_live incidents)'
complete -c stackflow -n '__stackflow_lacks incidents' -a bulk-close -d 'close what has been resolved for long'
complete -c stackflow -n '__stackflow_lacks incidents' -a bulk-update -d 'change fields of many'
complete -c stackflow -n '__stackflow_is incidents bulk-update' -a '(__stackflow_live incidents)'
complete -c stackflow -n '__stackflow_is incidents create update bulk-update' -l short-description -x -d 'what it is, in one line'
complete -c stackflow -n '__stackflow_is incidents create update bulk-update' -l description -x -d 'all of it; - is what stdin says'
complete -c stackflow -n '__stackflow_is incidents create update bulk-update list bulk-close' -l priority -x -a 'P1 P2 P3 P4' -d 'P1 to P4'
complete -c stackflow -n '__stackflow_is incidents list update bulk-update' -l state -x -a 'new in_progress resolved closed' -d 'new, in_progress, resolved or closed'
complete -c stackflow -n '__stackflow_is incidents create update bulk-update list bulk-close' -l category -x -d 'as StackFlow has them'
complete -c stackflow -n '__stackflow_is incidents create update bulk-update' -l subcategory -x -d 'as StackFlow has them'
complete -c stackflow -n '__stackflow_is incidents create update bulk-update list bulk-close' -l group -x -d 'as StackFlow has them'
complete -c stackflow -n '__stackflow_is incidents create update bulk-update list bulk-close' -l ci -x -d 'as StackFlow has them'
complete -c stackflow -n '__stackflow_is incidents update bulk-update' -l assigned-to -x -d 'who works on it'
complete -c stackflow -n '__stackflow_is incidents create update bulk-update' -l field -x -d 'any other field; also repeated'
complete -c stackflow -n '__stackflow_is incidents create update bulk-update' -l from -r -F -d 'a JSON object of fields; - is stdin'
complete -c stackflow -n '__stackflow_is incidents list' -l created-before -x -d 'older than an age as 30d, or before a date'
complete -c stackflow -n '__stackflow_is incidents list' -l limit -x -d 'at most so many (25); without end'
complete -c stackflow -n '__stackflow_is incidents list' -l all -d 'at most so many (25); without end'
complete -c stackflow -n '__stackflow_is incidents note' -l visibility -x -d 'who may read it (team)'
complete -c stackflow -n '__stackflow_is incidents bulk-close' -l resolved-before -x -d 'an age as 30d, or a date'
complete -c stackflow -n '__stackflow_is incidents bulk-close bulk-update' -l dry-run -d 'only show which; don\'t ask'
complete -c stackflow -n '__stackflow_is incidents bulk-close bulk-update' -l yes -d 'only show which; don\'t ask'
complete -c stackflow -n '__stackflow_is incidents' -l json -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is incidents' -l no-color -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is incidents' -l base-url -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is incidents' -l timeout -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is incidents' -s v -l verbose -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n __stackflow_first -a changes -d 'list and create changes'
complete -c stackflow -n '__stackflow_lacks changes' -a list -d 'those that there are'
complete -c stackflow -n '__stackflow_lacks changes' -a create -d 'file one'
complete -c stackflow -n '__stackflow_is changes' -l state -x -d 'only those; of a new one: its state'
complete -c stackflow -n '__stackflow_is changes' -l ci -x -d 'of this configuration item'
complete -c stackflow -n '__stackflow_is changes list' -l limit -x -d 'at most so many (25); without end'
complete -c stackflow -n '__stackflow_is changes list' -l all -d 'at most so many (25); without end'
complete -c stackflow -n '__stackflow_is changes create' -l short-description -x -d 'what it is, in one line'
complete -c stackflow -n '__stackflow_is changes create' -l description -x -d 'all of it; - is what stdin says'
complete -c stackflow -n '__stackflow_is changes create' -l field -x -d 'any other field; also repeated'
complete -c stackflow -n '__stackflow_is changes create' -l from -r -F -d 'a JSON object of fields; - is stdin'
complete -c stackflow -n '__stackflow_is changes' -l json -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is changes' -l no-color -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is changes' -l base-url -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is changes' -l timeout -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is changes' -s v -l verbose -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n __stackflow_first -a cis -d 'list the CMDB\'s items, import many'
complete -c stackflow -n '__stackflow_lacks cis' -a list -d 'those of the CMDB'
complete -c stackflow -n '__stackflow_lacks cis' -a import -d 'add those of a file'
complete -c stackflow -n '__stackflow_is cis import' -F
complete -c stackflow -n '__stackflow_is cis list' -l name -x -d 'only the one of this name; of this ARN'
complete -c stackflow -n '__stackflow_is cis list' -l arn -x -d 'only the one of this name; of this ARN'
complete -c stackflow -n '__stackflow_is cis list' -l limit -x -d 'at most so many (25); without end'
complete -c stackflow -n '__stackflow_is cis list' -l all -d 'at most so many (25); without end'
complete -c stackflow -n '__stackflow_is cis import' -l dry-run -d 'only read the file'
complete -c stackflow -n '__stackflow_is cis' -l json -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is cis' -l no-color -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is cis' -l base-url -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is cis' -l timeout -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is cis' -s v -l verbose -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n __stackflow_first -a articles -d 'list and search knowledge articles'
complete -c stackflow -n '__stackflow_lacks articles' -a list -d 'all articles'
complete -c stackflow -n '__stackflow_lacks articles' -a search -d 'those that speak of something'
complete -c stackflow -n '__stackflow_is articles search'
complete -c stackflow -n '__stackflow_is articles' -l limit -x -d 'at most so many (25); without end'
complete -c stackflow -n '__stackflow_is articles' -l all -d 'at most so many (25); without end'
complete -c stackflow -n '__stackflow_is articles' -l json -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is articles' -l no-color -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is articles' -l base-url -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is articles' -l timeout -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is articles' -s v -l verbose -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n __stackflow_first -a ask -d 'an answer out of the knowledge base, with its sources'
complete -c stackflow -n '__stackflow_is ask' -l model -x -a 'claude-3-haiku claude-3-sonnet claude-3-opus' -d 'claude-3-haiku, claude-3-sonnet or claude-3-opus'
complete -c stackflow -n '__stackflow_is ask' -l record -x -d 'the record in question, as incident:INC0001234'
complete -c stackflow -n '__stackflow_is ask' -l results -x -d 'articles to look into, 1 to 20 (5)'
complete -c stackflow -n '__stackflow_is ask' -l json -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is ask' -l no-color -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is ask' -l base-url -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is ask' -l timeout -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is ask' -s v -l verbose -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n __stackflow_first -a query -d 'ask the copilot'
complete -c stackflow -n '__stackflow_is query' -l model -x -a 'claude-3-haiku claude-3-sonnet claude-3-opus' -d 'claude-3-haiku, claude-3-sonnet or claude-3-opus'
complete -c stackflow -n '__stackflow_is query' -l record -x -d 'the record in question, as incident:INC0001234'
complete -c stackflow -n '__stackflow_is query' -l json -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is query' -l no-color -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is query' -l base-url -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is query' -l timeout -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is query' -s v -l verbose -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n __stackflow_first -a analyze -d 'an incident\'s probable cause, and what to do'
complete -c stackflow -n '__stackflow_is analyze' -a '(__stackflow_live incidents)'
complete -c stackflow -n '__stackflow_is analyze' -l type -x -d 'of analysis, as root_cause'
complete -c stackflow -n '__stackflow_is analyze' -l record-type -x -d 'what ID is of (incident)'
complete -c stackflow -n '__stackflow_is analyze' -l model -x -a 'claude-3-haiku claude-3-sonnet claude-3-opus' -d 'claude-3-haiku, claude-3-sonnet or claude-3-opus'
complete -c stackflow -n '__stackflow_is analyze' -l json -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is analyze' -l no-color -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is analyze' -l base-url -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is analyze' -l timeout -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is analyze' -s v -l verbose -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n __stackflow_first -a exemplars -d 'similar incidents of the past, and what helped'
complete -c stackflow -n '__stackflow_is exemplars' -l category -x -d 'only of this one'
complete -c stackflow -n '__stackflow_is exemplars' -l results -x -d 'at most so many'
complete -c stackflow -n '__stackflow_is exemplars' -l record-type -x -d 'of records (incident)'
complete -c stackflow -n '__stackflow_is exemplars' -l json -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is exemplars' -l no-color -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is exemplars' -l base-url -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is exemplars' -l timeout -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is exemplars' -s v -l verbose -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n __stackflow_first -a suggest -d 'category, priority and group for a new incident'
complete -c stackflow -n '__stackflow_is suggest' -l for -x -a 'category subcategory priority assignment_group' -d 'category, subcategory, priority or assignment_group; also repeated (all)'
complete -c stackflow -n '__stackflow_is suggest' -l model -x -a 'claude-3-haiku claude-3-sonnet claude-3-opus' -d 'claude-3-haiku, claude-3-sonnet or claude-3-opus'
complete -c stackflow -n '__stackflow_is suggest' -l json -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is suggest' -l no-color -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is suggest' -l base-url -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is suggest' -l timeout -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is suggest' -s v -l verbose -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n __stackflow_first -a login -d 'sign in as a user, for this program to remember'
complete -c stackflow -n '__stackflow_is login' -l email -x -d 'who ($STACKFLOW_EMAIL, or asked)'
complete -c stackflow -n '__stackflow_is login' -l client-id -x -d 'the app client\'s ($STACKFLOW_CLIENT_ID)'
complete -c stackflow -n '__stackflow_is login' -l region -x -d 'of the pool (that of $STACKFLOW_USER_POOL_ID)'
complete -c stackflow -n '__stackflow_is login' -l endpoint-url -x -d 'where Cognito is'
complete -c stackflow -n '__stackflow_is login' -l print -d 'print the token alone'
complete -c stackflow -n '__stackflow_is login' -l json -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is login' -l no-color -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is login' -l base-url -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is login' -l timeout -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is login' -s v -l verbose -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n __stackflow_first -a logout -d 'forget the login'
complete -c stackflow -n '__stackflow_is logout' -l json -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is logout' -l no-color -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is logout' -l base-url -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is logout' -l timeout -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is logout' -s v -l verbose -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n __stackflow_first -a health -d 'does the API answer, and how is it'
complete -c stackflow -n '__stackflow_is health' -l json -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is health' -l no-color -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is health' -l base-url -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is health' -l timeout -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is health' -s v -l verbose -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n __stackflow_first -a create -d 'short for `incidents create`'
complete -c stackflow -n '__stackflow_is create' -l short-description -x -d 'what it is, in one line'
complete -c stackflow -n '__stackflow_is create' -l description -x -d 'all of it; - is what stdin says'
complete -c stackflow -n '__stackflow_is create' -l priority -x -a 'P1 P2 P3 P4' -d 'P1 to P4'
complete -c stackflow -n '__stackflow_is create' -l category -x -d 'as StackFlow has them'
complete -c stackflow -n '__stackflow_is create' -l subcategory -x -d 'as StackFlow has them'
complete -c stackflow -n '__stackflow_is create' -l group -x -d 'as StackFlow has them'
complete -c stackflow -n '__stackflow_is create' -l ci -x -d 'as StackFlow has them'
complete -c stackflow -n '__stackflow_is create' -l field -x -d 'any other field; also repeated'
complete -c stackflow -n '__stackflow_is create' -l from -r -F -d 'a JSON object of fields; - is stdin'
complete -c stackflow -n '__stackflow_is create' -l json -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is create' -l no-color -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is create' -l base-url -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is create' -l timeout -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is create' -s v -l verbose -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n __stackflow_first -a note -d 'short for `incidents note`'
complete -c stackflow -n '__stackflow_is note' -a '(__stackflow_live incidents)'
complete -c stackflow -n '__stackflow_is note' -l visibility -x -d 'who may read it (team)'
complete -c stackflow -n '__stackflow_is note' -l json -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is note' -l no-color -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is note' -l base-url -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is note' -l timeout -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is note' -s v -l verbose -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n __stackflow_first -a update -d 'short for `incidents update`'
complete -c stackflow -n '__stackflow_is update' -a '(__stackflow_live incidents)'
complete -c stackflow -n '__stackflow_is update' -l short-description -x -d 'what it is, in one line'
complete -c stackflow -n '__stackflow_is update' -l description -x -d 'all of it; - is what stdin says'
complete -c stackflow -n '__stackflow_is update' -l priority -x -a 'P1 P2 P3 P4' -d 'P1 to P4'
complete -c stackflow -n '__stackflow_is update' -l state -x -a 'new in_progress resolved closed' -d 'new, in_progress, resolved or closed'
complete -c stackflow -n '__stackflow_is update' -l category -x -d 'as StackFlow has them'
complete -c stackflow -n '__stackflow_is update' -l subcategory -x -d 'as StackFlow has them'
complete -c stackflow -n '__stackflow_is update' -l group -x -d 'as StackFlow has them'
complete -c stackflow -n '__stackflow_is update' -l ci -x -d 'as StackFlow has them'
complete -c stackflow -n '__stackflow_is update' -l assigned-to -x -d 'who works on it'
complete -c stackflow -n '__stackflow_is update' -l field -x -d 'any other field; also repeated'
complete -c stackflow -n '__stackflow_is update' -l from -r -F -d 'a JSON object of fields; - is stdin'
complete -c stackflow -n '__stackflow_is update' -l json -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is update' -l no-color -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is update' -l base-url -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is update' -l timeout -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is update' -s v -l verbose -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n __stackflow_first -a bulk-close -d 'short for `incidents bulk-close`'
complete -c stackflow -n '__stackflow_is bulk-close' -l priority -x -a 'P1 P2 P3 P4' -d 'P1 to P4'
complete -c stackflow -n '__stackflow_is bulk-close' -l category -x -d 'as StackFlow has them'
complete -c stackflow -n '__stackflow_is bulk-close' -l group -x -d 'as StackFlow has them'
complete -c stackflow -n '__stackflow_is bulk-close' -l ci -x -d 'as StackFlow has them'
complete -c stackflow -n '__stackflow_is bulk-close' -l resolved-before -x -d 'an age as 30d, or a date'
complete -c stackflow -n '__stackflow_is bulk-close' -l dry-run -d 'only show which; don\'t ask'
complete -c stackflow -n '__stackflow_is bulk-close' -l yes -d 'only show which; don\'t ask'
complete -c stackflow -n '__stackflow_is bulk-close' -l json -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is bulk-close' -l no-color -d 'JSON, one document a line; no colour'
complete -c stackflow -n '__stackflow_is bulk-close' -l base-url -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is bulk-close' -l timeout -x -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n '__stackflow_is bulk-close' -s v -l verbose -d 'the API; time for an answer (15s); say more'
complete -c stackflow -n __stackflow_first -a completion -d 'completions for bash, zsh and fish'
complete -c stackflow -n '__stackflow_is completion' -a 'bash zsh fish'
complete -c stackflow -n '__stackflow_is completion' -l list -x -a 'commands incidents' -d 'what StackFlow knows of them, for the shell'
complete -c stackflow -n __stackflow_first -a version -d 'print the version'
complete -c stackflow -n '__stackflow_is version' -l json -d 'print JSON, for programs'
