# Completions of tocsin(1) for fish, by the tables of agent/cmd: `make completions`.

function __tocsin_verbs
	switch $argv[1]
		case incidents
			printf '%s\n' list show note resolve
		case dead
			printf '%s\n' list retry drop
		case silence
			printf '%s\n' list add extend expire
	end
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
complete -c tocsin -n __tocsin_first -a status -d 'health and backlog of the running agent'
complete -c tocsin -n '__tocsin_is status' -s c -l config -r -F -d 'the configuration (/etc/tocsin/tocsin.yaml)'
complete -c tocsin -n '__tocsin_is status' -l json -d 'print JSON, for programs'
complete -c tocsin -n '__tocsin_is status' -l utc -d 'times in UTC, not how long ago'
complete -c tocsin -n '__tocsin_is status' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c tocsin -n __tocsin_first -a top -d 'the running agent, live: incidents, what is held, actions'
complete -c tocsin -n '__tocsin_is top' -s c -l config -r -F -d 'the configuration (/etc/tocsin/tocsin.yaml)'
complete -c tocsin -n '__tocsin_is top' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c tocsin -n __tocsin_first -a incidents -d 'what the agent keeps: list, show, note, resolve'
complete -c tocsin -n '__tocsin_lacks incidents' -a list -d 'the incidents, the newest first'
complete -c tocsin -n '__tocsin_lacks incidents' -a show -d 'all that is known of one'
complete -c tocsin -n '__tocsin_is incidents show' -a '(__tocsin_live incidents)'
complete -c tocsin -n '__tocsin_lacks incidents' -a note -d 'append a note'
complete -c tocsin -n '__tocsin_is incidents note' -a '(__tocsin_live incidents)'
complete -c tocsin -n '__tocsin_lacks incidents' -a resolve -d 'resolve one, with a note'
complete -c tocsin -n '__tocsin_is incidents resolve' -a '(__tocsin_live incidents)'
complete -c tocsin -n '__tocsin_is incidents' -s c -l config -r -F -d 'the configuration (/etc/tocsin/tocsin.yaml)'
complete -c tocsin -n '__tocsin_is incidents list' -l limit -x -d 'at most so many, 1 to 1000 (50)'
complete -c tocsin -n '__tocsin_is incidents list' -l state -x -a 'open resolved closed failed' -d 'only those: open, resolved, closed (by a person) or failed (StackFlow refused to open it)'
complete -c tocsin -n '__tocsin_is incidents' -l json -d 'JSON; times in UTC; auto, always or never'
complete -c tocsin -n '__tocsin_is incidents' -l utc -d 'JSON; times in UTC; auto, always or never'
complete -c tocsin -n '__tocsin_is incidents' -l color -x -a 'auto always never' -d 'JSON; times in UTC; auto, always or never'
complete -c tocsin -n __tocsin_first -a events -d 'the alarm events of the agent\'s journal'
complete -c tocsin -n '__tocsin_is events' -a '(__tocsin_live alarms)'
complete -c tocsin -n '__tocsin_is events' -s c -l config -r -F -d 'the configuration (/etc/tocsin/tocsin.yaml)'
complete -c tocsin -n '__tocsin_is events' -l limit -x -d 'at most so many, 1 to 1000 (50)'
complete -c tocsin -n '__tocsin_is events' -l json -d 'JSON; times in UTC; auto, always or never'
complete -c tocsin -n '__tocsin_is events' -l utc -d 'JSON; times in UTC; auto, always or never'
complete -c tocsin -n '__tocsin_is events' -l color -x -a 'auto always never' -d 'JSON; times in UTC; auto, always or never'
complete -c tocsin -n '__tocsin_is events' -l export -d 'the oldest first and whole, one JSON object a line, for `tocsin replay --events`'
complete -c tocsin -n '__tocsin_is events' -l since -x -d 'those received within it: 30d, 12h'
complete -c tocsin -n '__tocsin_is events' -l evidence -x -a '(__tocsin_live events)' -d 'one event as a JSON document that stands by itself: the signed envelope, the payload, the decision and its rules, what became of it, audit lines'
complete -c tocsin -n __tocsin_first -a dead -d 'what was refused for good: list, retry, drop'
complete -c tocsin -n '__tocsin_lacks dead' -a list -d 'the dead letters'
complete -c tocsin -n '__tocsin_lacks dead' -a retry -d 'send or judge once more'
complete -c tocsin -n '__tocsin_is dead retry' -a '(__tocsin_live dead)'
complete -c tocsin -n '__tocsin_lacks dead' -a drop -d 'give up'
complete -c tocsin -n '__tocsin_is dead drop' -a '(__tocsin_live dead)'
complete -c tocsin -n '__tocsin_is dead' -s c -l config -r -F -d 'the configuration (/etc/tocsin/tocsin.yaml)'
complete -c tocsin -n '__tocsin_is dead' -l json -d 'print JSON, for programs'
complete -c tocsin -n '__tocsin_is dead' -l utc -d 'times in UTC, not how long ago'
complete -c tocsin -n '__tocsin_is dead' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c tocsin -n __tocsin_first -a silence -d 'hold alarms back for a while: add, list, extend, expire'
complete -c tocsin -n '__tocsin_lacks silence' -a list -d 'the silences in force'
complete -c tocsin -n '__tocsin_lacks silence' -a add -d 'hold what matches'
complete -c tocsin -n '__tocsin_lacks silence' -a extend -d 'let one last longer'
complete -c tocsin -n '__tocsin_is silence extend' -a '(__tocsin_live silences)'
complete -c tocsin -n '__tocsin_lacks silence' -a expire -d 'end one now'
complete -c tocsin -n '__tocsin_is silence expire' -a '(__tocsin_live silences)'
complete -c tocsin -n '__tocsin_is silence' -s c -l config -r -F -d 'the configuration (/etc/tocsin/tocsin.yaml)'
complete -c tocsin -n '__tocsin_is silence add' -l match -x -d 'FIELD=GLOB or !=GLOB, =~REGEX, !~REGEX, all of which must hold; or one of rules, \'{alarm: [a-*, b-*], not: {env: dev}}\''
complete -c tocsin -n '__tocsin_is silence add' -l incident -x -a '(__tocsin_live incidents)' -d 'or this incident\'s alarm, or that alone'
complete -c tocsin -n '__tocsin_is silence add' -l alarm -x -a '(__tocsin_live alarms)' -d 'or this incident\'s alarm, or that alone'
complete -c tocsin -n '__tocsin_is silence add extend' -l for -x -d '2h, 3d or 2026-11-21T10:00:00Z; 30 days at most'
complete -c tocsin -n '__tocsin_is silence add extend' -l until -x -d '2h, 3d or 2026-11-21T10:00:00Z; 30 days at most'
complete -c tocsin -n '__tocsin_is silence add' -l owner -x -d 'who, and why: --match needs both'
complete -c tocsin -n '__tocsin_is silence add' -l reason -x -d 'who, and why: --match needs both'
complete -c tocsin -n '__tocsin_is silence list' -l all -d 'list those that ended, too'
complete -c tocsin -n '__tocsin_is silence' -l json -d 'JSON; times in UTC; auto, always or never'
complete -c tocsin -n '__tocsin_is silence' -l utc -d 'JSON; times in UTC; auto, always or never'
complete -c tocsin -n '__tocsin_is silence' -l color -x -a 'auto always never' -d 'JSON; times in UTC; auto, always or never'
complete -c tocsin -n __tocsin_first -a audit -d 'who did what: people\'s actions, and what became of operations'
complete -c tocsin -n '__tocsin_is audit' -a '(__tocsin_live incidents)'
complete -c tocsin -n '__tocsin_is audit' -s c -l config -r -F -d 'the configuration (/etc/tocsin/tocsin.yaml)'
complete -c tocsin -n '__tocsin_is audit' -l limit -x -d 'at most so many, 1 to 1000 (50)'
complete -c tocsin -n '__tocsin_is audit' -l json -d 'print JSON, for programs'
complete -c tocsin -n '__tocsin_is audit' -l utc -d 'times in UTC, not how long ago'
complete -c tocsin -n '__tocsin_is audit' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c tocsin -n __tocsin_first -a run -d 'the agent, in the foreground'
complete -c tocsin -n '__tocsin_is run' -s c -l config -r -F -d 'the configuration (/etc/tocsin/tocsin.yaml)'
complete -c tocsin -n __tocsin_first -a doctor -d 'look for what a set-up gets wrong'
complete -c tocsin -n '__tocsin_is doctor' -s c -l config -r -F -d 'the configuration (/etc/tocsin/tocsin.yaml)'
complete -c tocsin -n '__tocsin_is doctor' -l json -d 'print JSON, for programs'
complete -c tocsin -n '__tocsin_is doctor' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c tocsin -n __tocsin_first -a drill -d 'publish an alarm and see it come through'
complete -c tocsin -n '__tocsin_is drill' -s c -l config -r -F -d 'the configuration (/etc/tocsin/tocsin.yaml)'
complete -c tocsin -n '__tocsin_is drill' -l wait -d 'until it is over, and show each hop'
complete -c tocsin -n '__tocsin_is drill' -l last -d 'begin none; show the last, or the one under way'
complete -c tocsin -n '__tocsin_is drill' -l json -d 'print JSON, for programs'
complete -c tocsin -n '__tocsin_is drill' -l utc -d 'times in UTC, not how long ago'
complete -c tocsin -n '__tocsin_is drill' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c tocsin -n __tocsin_first -a check -d 'validate configuration and rules'
complete -c tocsin -n '__tocsin_is check' -F
complete -c tocsin -n '__tocsin_is check' -s c -l config -r -F -d 'the configuration (/etc/tocsin/tocsin.yaml)'
complete -c tocsin -n '__tocsin_is check' -l format -x -a 'text json github' -d 'text, json, or annotations for github'
complete -c tocsin -n '__tocsin_is check' -l strict -d 'warnings are errors'
complete -c tocsin -n '__tocsin_is check' -l explain -d 'what CODE means, with an example; or all codes'
complete -c tocsin -n '__tocsin_is check' -l schema -x -a 'rules platform tests' -d 'the JSON Schema of rules, platform or tests, for editors'
complete -c tocsin -n __tocsin_first -a test -d 'run the tests of rules'
complete -c tocsin -n '__tocsin_is test' -F
complete -c tocsin -n '__tocsin_is test' -s c -l config -r -F -d 'whose rules hold for test files that name none'
complete -c tocsin -n '__tocsin_is test' -l format -x -a 'text tap junit' -d 'text, or tap or junit for build servers'
complete -c tocsin -n '__tocsin_is test' -l coverage -d 'list the entries of rules that no test decides by'
complete -c tocsin -n '__tocsin_is test' -s q -l quiet -d 'tell failures alone'
complete -c tocsin -n __tocsin_first -a explain -d 'what one message becomes, and by which rules'
complete -c tocsin -n '__tocsin_is explain' -F
complete -c tocsin -n '__tocsin_is explain' -s c -l config -r -F -d 'whose rules decide; without one, and without /etc/tocsin/tocsin.yaml, the built-in rules'
complete -c tocsin -n '__tocsin_is explain' -l at -x -d 'as if decided then; else at the alarm\'s own time'
complete -c tocsin -n '__tocsin_is explain' -l event -x -a '(__tocsin_live events)' -d 'one of the journal instead, under the rules that decided it'
complete -c tocsin -n '__tocsin_is explain' -l json -d 'one object a line'
complete -c tocsin -n '__tocsin_is explain' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c tocsin -n __tocsin_first -a replay -d 'what other rules would have made of the past events'
complete -c tocsin -n '__tocsin_is replay' -s c -l config -r -F -d 'configuration with today\'s rules and journal'
complete -c tocsin -n '__tocsin_is replay' -l rules -r -F -d 'all that is proposed; may be given repeatedly'
complete -c tocsin -n '__tocsin_is replay' -l since -x -d 'events received within it: 30d, 12h'
complete -c tocsin -n '__tocsin_is replay' -l events -r -F -d 'these instead, as `tocsin events --export` wrote them; - for standard input'
complete -c tocsin -n '__tocsin_is replay' -l limit -x -d 'alarms that are listed (50)'
complete -c tocsin -n '__tocsin_is replay' -l format -x -a 'text json markdown' -d 'text, json, or markdown for a pull request'
complete -c tocsin -n '__tocsin_is replay' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c tocsin -n __tocsin_first -a report -d 'what makes noise, for all and for each team, and what to do'
complete -c tocsin -n '__tocsin_is report' -s c -l config -r -F -d 'the configuration (/etc/tocsin/tocsin.yaml)'
complete -c tocsin -n '__tocsin_is report' -l since -x -d 'the period: 30d, 12h (30d); it is compared with the one before'
complete -c tocsin -n '__tocsin_is report' -l team -x -d 'of this team alone'
complete -c tocsin -n '__tocsin_is report' -l top -x -d 'the worst of each kind (10)'
complete -c tocsin -n '__tocsin_is report' -l format -x -a 'text json html' -d 'text, json, or html: one page that needs nothing else'
complete -c tocsin -n '__tocsin_is report' -l color -x -a 'auto always never' -d 'colour: auto, always or never'
complete -c tocsin -n __tocsin_first -a erase -d 'remove what old events carried, keep what became of them'
complete -c tocsin -n '__tocsin_is erase' -s c -l config -r -F -d 'the configuration (/etc/tocsin/tocsin.yaml)'
complete -c tocsin -n '__tocsin_is erase' -l before -x -d 'received so long ago, or before: 30d, 2026-11-21T10:00:00Z'
complete -c tocsin -n '__tocsin_is erase' -l account -x -d 'of this AWS account'
complete -c tocsin -n '__tocsin_is erase' -l dry-run -d 'say what would go and what would stay'
complete -c tocsin -n '__tocsin_is erase' -l yes -d 'don\'t ask'
complete -c tocsin -n '__tocsin_is erase' -l json -d 'print JSON, for programs'
complete -c tocsin -n __tocsin_first -a backup -d 'copy the store, at work or not, to a file'
complete -c tocsin -n '__tocsin_is backup' -F
complete -c tocsin -n '__tocsin_is backup' -s c -l config -r -F -d 'the configuration (/etc/tocsin/tocsin.yaml)'
complete -c tocsin -n '__tocsin_is backup' -l force -d 'replace FILE where it is there'
complete -c tocsin -n '__tocsin_is backup' -l json -d 'print JSON, for programs'
complete -c tocsin -n __tocsin_first -a restore -d 'make a backup the store, while the agent is stopped'
complete -c tocsin -n '__tocsin_is restore' -F
complete -c tocsin -n '__tocsin_is restore' -s c -l config -r -F -d 'the configuration (/etc/tocsin/tocsin.yaml)'
complete -c tocsin -n '__tocsin_is restore' -l json -d 'print JSON, for programs'
complete -c tocsin -n __tocsin_first -a send -d 'publish a signed sample alarm through the sandbox'
complete -c tocsin -n '__tocsin_is send' -a '(__tocsin_live alarms)'
complete -c tocsin -n '__tocsin_is send' -l to -x -d 'subscribe this endpoint first, until confirmed'
complete -c tocsin -n '__tocsin_is send' -l state -x -a 'ALARM OK INSUFFICIENT_DATA' -d 'ALARM (default), OK or INSUFFICIENT_DATA'
complete -c tocsin -n '__tocsin_is send' -l severity -x -d 'what its description says'
complete -c tocsin -n '__tocsin_is send' -l ci -x -d 'what its description says'
complete -c tocsin -n '__tocsin_is send' -l description -x -d 'all of its description'
complete -c tocsin -n '__tocsin_is send' -l namespace -x -d 'AWS/EC2, CPUUtilization'
complete -c tocsin -n '__tocsin_is send' -l metric -x -d 'AWS/EC2, CPUUtilization'
complete -c tocsin -n '__tocsin_is send' -l dim -x -d 'a dimension, also repeated'
complete -c tocsin -n '__tocsin_is send' -l region -x -d 'where from: a name (alarms) or ARN'
complete -c tocsin -n '__tocsin_is send' -l topic -x -d 'where from: a name (alarms) or ARN'
complete -c tocsin -n '__tocsin_is send' -l count -x -d 'so many alarms, NAME-1 to NAME-N'
complete -c tocsin -n '__tocsin_is send' -l file -r -F -d 'publish this text as it is; - is standard input'
complete -c tocsin -n '__tocsin_is send' -l subject -x -d 'its Subject'
complete -c tocsin -n '__tocsin_is send' -l wait -x -d 'for confirmation and delivery (30s)'
complete -c tocsin -n '__tocsin_is send' -l data -x -a '(__fish_complete_directories)' -d 'which sandbox'
complete -c tocsin -n '__tocsin_is send' -l sandbox -x -d 'which sandbox'
complete -c tocsin -n __tocsin_first -a sandbox -d 'a StackFlow and an SNS on this computer, for trials and tests'
complete -c tocsin -n '__tocsin_is sandbox' -l listen -x -d 'plain HTTP: API beneath /prod/api, page on /, control beneath /sandbox (127.0.0.1:8181; port 0: any)'
complete -c tocsin -n '__tocsin_is sandbox' -l sns-listen -x -d 'HTTPS as sns.REGION.amazonaws.com (127.0.0.1:8182)'
complete -c tocsin -n '__tocsin_is sandbox' -l data -x -a '(__fish_complete_directories)' -d 'where all is kept ($XDG_STATE_HOME/tocsin-sandbox)'
complete -c tocsin -n '__tocsin_is sandbox' -l region -x -d 'of topics given by name (us-east-1, 111122223333)'
complete -c tocsin -n '__tocsin_is sandbox' -l account -x -d 'of topics given by name (us-east-1, 111122223333)'
complete -c tocsin -n '__tocsin_is sandbox' -l trust -r -F -d 'PEM: whom SNS trusts beside the system\'s roots'
complete -c tocsin -n '__tocsin_is sandbox' -l cis -r -F -d 'JSON array of CIs to seed'
complete -c tocsin -n '__tocsin_is sandbox' -l articles -r -F -d 'JSON array of knowledge articles to seed'
complete -c tocsin -n '__tocsin_is sandbox' -l record -r -F -d 'each exchange as a line of JSON (-: stdout)'
complete -c tocsin -n '__tocsin_is sandbox' -l set -x -d 'a setting, also repeated; `--set help` lists them'
complete -c tocsin -n '__tocsin_is sandbox' -l fault -x -d 'a fault, also repeated; `--fault help` lists them'
complete -c tocsin -n __tocsin_first -a completion -d 'completions for bash, zsh and fish'
complete -c tocsin -n '__tocsin_is completion' -a 'bash zsh fish'
complete -c tocsin -n '__tocsin_is completion' -l list -x -a 'alarms commands dead events incidents silences' -d 'what the running agent knows of them, for the shell'
complete -c tocsin -n '__tocsin_is completion' -s c -l config -r -F -d 'the configuration (/etc/tocsin/tocsin.yaml)'
complete -c tocsin -n __tocsin_first -a version -d 'print the version'
complete -c tocsin -n '__tocsin_is version' -l json -d 'print JSON, for programs'
