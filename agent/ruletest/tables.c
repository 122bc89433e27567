/* Every key that a test file may have, by where it stands. */
#include "agent/ruletest/tables.h"

#include "agent/ruletest/internal.h"

const struct key_table *ruletest_tables(void)
{
	static const struct key_table tables[] = {
		{ "file", test_file_keys },
		{ "test", test_keys },
		{ "event", test_event_keys },
		{ "given", test_given_keys },
		{ "change", test_change_keys },
		{ "incident", test_incident_keys },
		{ "silence", test_silence_keys },
		{ "expect", test_expect_keys },
		{ "decided_by", test_decided_keys },
		{ NULL, NULL },
	};

	return tables;
}
