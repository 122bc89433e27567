/* Every key that a rule file may have, by where it stands. */
#include "rule/set.h"

const struct key_table *load_tables(void)
{
	static const struct key_table tables[] = {
		{ "file", file_keys },
		{ "severity", choice_keys },
		{ "env", choice_keys },
		{ "ci", ci_keys },
		{ "priority", priority_keys },
		{ "defaults", default_keys },
		{ "policy", policy_keys },
		{ "block", body_keys },
		{ "catch_all", body_keys },
		{ "notes", notes_keys },
		{ "resolve", resolve_keys },
		{ "closed_by_person", closed_keys },
		{ "open_when", open_when_keys },
		{ "flap", flap_keys },
		{ "group", group_keys },
		{ "escalate", escalate_keys },
		{ "enrich", enrich_keys },
		{ "suggest", suggest_keys },
		{ "analyze", analyze_keys },
		{ "article", article_keys },
		{ "window", window_keys },
		{ "suppress", suppress_keys },
		{ "when_change", change_keys },
		{ "guard", guard_keys },
		{ "limits", limit_keys },
		{ NULL, NULL },
	};

	return tables;
}
