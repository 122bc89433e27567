#include "agent/ruletest/shapes.h"

#include <stddef.h>

/* Used by places and by each other; written only where they are used. */
const struct definition schema_definitions[] = {
	/* An unquoted number is text where text is taken. */
	{ "text", "{\"type\":[\"string\",\"number\",\"boolean\"]}" },
	{ "name", "{\"type\":[\"string\",\"number\",\"boolean\"],\"pattern\":"
		  "\"^[A-Za-z0-9._-]{1,64}$\"}" },
	{ "template", "{\"type\":[\"string\",\"number\",\"boolean\"],"
		      "\"description\":\"Text with ${path}, "
		      "${path:-default}, ${path|upper}\"}" },
	{ "span", "{\"type\":\"string\",\"pattern\":"
		  "\"^[0-9]+(ms|s|m|h|d)$\",\"description\":"
		  "\"A time like 30s, 5m, 24h or 7d\"}" },
	{ "some", "{\"type\":\"string\",\"pattern\":"
		  "\"^0*[1-9][0-9]*(ms|s|m|h|d)$\",\"description\":"
		  "\"A time like 30s, 5m, 24h or 7d\"}" },
	{ "moment", "{\"type\":\"string\",\"description\":"
		    "\"A time like 2h51m\",\"pattern\":"
		    "\"^([0-9]+(ms|s|m|h|d))+$\"}" },
	{ "severity_word",
	  "{\"enum\":[\"critical\",\"high\",\"medium\",\"low\"]}" },
	{ "priority_word", "{\"enum\":[\"P1\",\"P2\",\"P3\",\"P4\"]}" },
	{ "field", "{\"type\":\"string\",\"pattern\":\"" SCHEMA_FIELD "\"}" },
	{ "match",
	  "{\"type\":\"object\",\"properties\":{\"any\":{\"type\":\"array\","
	  "\"minItems\":1,\"items\":{\"$ref\":\"#/$defs/match\"}},\"not\":"
	  "{\"$ref\":\"#/$defs/match\"}},\"propertyNames\":{\"anyOf\":"
	  "[{\"enum\":[\"any\",\"not\"]},{\"$ref\":\"#/$defs/field\"}]},"
	  "\"additionalProperties\":{\"$ref\":\"#/$defs/values\"}}" },
	{ "values",
	  "{\"anyOf\":[{\"$ref\":\"#/$defs/value\"},{\"type\":\"array\","
	  "\"minItems\":1,\"items\":{\"$ref\":\"#/$defs/value\"}}]}" },
	{ "value",
	  "{\"anyOf\":[{\"type\":\"null\"},{\"type\":[\"string\",\"number\","
	  "\"boolean\"],\"maxLength\":512},{\"$ref\":\"#/$defs/operator\"}]}" },
	{ "operator",
	  "{\"type\":\"object\",\"minProperties\":1,\"properties\":{\"re\":"
	  "{\"type\":[\"string\",\"number\",\"boolean\"],\"maxLength\":1000},"
	  "\"exists\":{\"type\":\"boolean\"},\"gt\":{\"type\":\"number\"},"
	  "\"gte\":{\"type\":\"number\"},\"lt\":{\"type\":\"number\"},"
	  "\"lte\":{\"type\":\"number\"}},\"additionalProperties\":false,"
	  "\"not\":{\"anyOf\":[{\"required\":[\"gt\",\"gte\"]},"
	  "{\"required\":[\"lt\",\"lte\"]},{\"required\":[\"re\"],"
	  "\"minProperties\":2},{\"required\":[\"exists\"],"
	  "\"minProperties\":2}]}}" },
	{ "compared",
	  "{\"anyOf\":[{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]},"
	  "{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":1,"
	  "\"properties\":{\"contains\":{\"$ref\":\"#/$defs/text\"},\"glob\":"
	  "{\"$ref\":\"#/$defs/text\"}},\"additionalProperties\":false}]}" },
	{ "expected_incident",
	  "{\"type\":\"object\",\"properties\":{\"priority\":{\"$ref\":"
	  "\"#/$defs/priority_word\"},\"severity\":{\"$ref\":"
	  "\"#/$defs/severity_word\"},\"state\":{\"enum\":[\"open\","
	  "\"resolved\",\"closed\",\"failed\"]}},\"additionalProperties\":"
	  "{\"$ref\":\"#/$defs/compared\"}}" },
	{ "extra_fields",
	  "{\"type\":\"object\",\"maxProperties\":32,\"propertyNames\":"
	  "{\"pattern\":\"^[a-z][a-z0-9_]{0,63}$\",\"not\":{\"enum\":"
	  "[\"short_description\",\"description\",\"priority\",\"ci_id\","
	  "\"state\",\"id\",\"number\",\"created_at\",\"sla_breach_at\","
	  "\"assigned_to\"]}},\"additionalProperties\":{\"$ref\":"
	  "\"#/$defs/template\"}}" },
	{ NULL, NULL },
};

#define TEXTS_OR_ONE(least, most)                                              \
	"{\"anyOf\":[{\"$ref\":\"#/$defs/text\"},{\"type\":\"array\","         \
	"\"minItems\":" least ",\"maxItems\":" most                            \
	",\"items\":{\"$ref\":\"#/$defs/text\"}}]}"
#define OR_NULL(name)                                                          \
	"{\"anyOf\":[{\"type\":\"null\"},{\"$ref\":\"#/$defs/" name "\"}]}"
#define NUMBER(low, high)                                                      \
	"{\"type\":\"integer\",\"minimum\":" low ",\"maximum\":" high "}"
#define SHARE "{\"type\":\"number\",\"minimum\":0,\"maximum\":1}"
#define BY_NAME(name, more)                                                    \
	"{\"type\":\"object\"," more "\"additionalProperties\":{\"$ref\":"     \
	"\"#/$defs/" name "\"}}"
#define NAMES                                                                  \
	"\"propertyNames\":{\"pattern\":\"^[A-Za-z0-9._-]{1,64}$\"},"
#define OR_UNAVAILABLE(list)                                                   \
	"{\"anyOf\":[{\"const\":\"unavailable\"}," list "]}"

/* `defaults`, policies, blocks and the catch-all share these keys. */
#define TIMES(place)                                                           \
	{ place, "category", "@template" },                                    \
		{ place, "subcategory", "@template" },                         \
		{ place, "assignment_group", "@template" },                    \
		{ place, "dedup_key",                                          \
		  "{\"type\":[\"string\",\"number\"],\"minLength\":1}" },      \
		{ place, "notes", "@notes" },                                  \
		{ place, "resolve", "@resolve" },                              \
		{ place, "reopen_within", "@span" },                           \
		{ place, "insufficient_data",                                  \
		  "{\"enum\":[\"ignore\",\"note\",\"open\",\"resolve\"]}" },   \
		{ place, "closed_by_person", "@closed_by_person" },            \
		{ place, "open_after", "@span" },                              \
		{ place, "open_when", OR_NULL("open_when") },                  \
		{ place, "flap", OR_NULL("flap") },                            \
		{ place, "group", OR_NULL("group") },                          \
		{ place, "escalate",                                           \
		  "{\"type\":[\"array\",\"null\"],\"maxItems\":8,\"items\":"   \
		  "{\"$ref\":\"#/$defs/escalate\"}}" },                        \
		{ place, "enrich", OR_NULL("enrich") },                        \
	{                                                                      \
		place, "require_change", "{\"type\":\"boolean\"}"              \
	}
#define BODY(place)                                                            \
	{ place, "severity", "@severity_word" },                               \
		{ place, "priority", "@priority_word" },                       \
		{ place, "short_description", "@template" },                   \
		{ place, "description", "@template" },                         \
		{ place, "description_file", "@text" },                        \
		{ place, "fields", "@extra_fields" },                          \
		{ place, "runbook", "@template" }, TIMES(place)

const struct shape schema_shapes[] = {
	{ "file", "version", "{\"const\":1}" },
	{ "file", "team", "@name" },
	{ "file", "owners", "[@text" },
	{ "file", "platform", "{\"type\":\"boolean\"}" },
	{ "file", "pack", "{\"type\":\"boolean\"}" },
	{ "file", "claims", "[@match" },
	{ "file", "defaults", "@defaults" },
	{ "file", "ci", "[@ci" },
	{ "file", "severity", "[@severity" },
	{ "file", "priority", "@priority" },
	{ "file", "policies",
	  "{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":"
	  "\"#/$defs/policy\"}}" },
	{ "file", "tests",
	  "{\"type\":\"array\",\"maxItems\":100,\"items\":{\"type\":[\"string\""
	  ",\"number\"],\"minLength\":1,\"maxLength\":255,\"pattern\":"
	  "\"^(?!/)(?!(.*/)?\\\\.\\\\.(/|$)).+$\"}}" },
	{ "file", "windows", BY_NAME("window", "\"maxProperties\":200," NAMES) },
	{ "file", "suppress",
	  "{\"type\":\"array\",\"maxItems\":1000,\"items\":{\"$ref\":"
	  "\"#/$defs/suppress\"}}" },
	{ "file", "env", "[@env" },
	{ "file", "guards", "[@guard" },
	{ "file", "catch_all", "@catch_all" },
	{ "file", "blocks", BY_NAME("block", "") },
	{ "file", "limits", "@limits" },
	{ "severity", "when", "@match" },
	{ "severity", "set",
	  "{\"anyOf\":[{\"$ref\":\"#/$defs/severity_word\"},{\"type\":"
	  "\"string\",\"pattern\":\"\\\\$\\\\{\"}]}" },
	{ "severity", "else",
	  "{\"anyOf\":[{\"$ref\":\"#/$defs/severity_word\"},{\"type\":"
	  "\"string\",\"pattern\":\"\\\\$\\\\{\"}]}" },
	{ "env", "when", "@match" },
	{ "env", "set", "@template" },
	{ "env", "else", "@template" },
	{ "ci", "id", "@template" },
	{ "ci", "where",
	  BY_NAME("template", "\"minProperties\":1,\"maxProperties\":1,") },
	{ "ci", "map", BY_NAME("text", "") },
	{ "ci", "key", "@template" },
	{ "ci", "fallback", "@template" },
	{ "priority", "critical", "@priority_word" },
	{ "priority", "high", "@priority_word" },
	{ "priority", "medium", "@priority_word" },
	{ "priority", "low", "@priority_word" },
	TIMES("defaults"),
	{ "policy", "id", "@name" },
	{ "policy", "match", "@match" },
	{ "policy", "use", "[@text" },
	BODY("policy"),
	BODY("block"),
	BODY("catch_all"),
	{ "notes", "every", "@span" },
	{ "notes", "max", NUMBER("0", "100000") },
	{ "resolve", "when", "{\"enum\":[\"OK\",\"never\"]}" },
	{ "resolve", "note_only", "{\"type\":\"boolean\"}" },
	{ "resolve", "stable_for", "@span" },
	{ "closed_by_person", "still_firing",
	  "{\"enum\":[\"new\",\"reopen\",\"leave\"]}" },
	{ "open_when", "count", NUMBER("2", "100") },
	{ "open_when", "within", "@some" },
	{ "flap", "transitions", NUMBER("2", "100") },
	{ "flap", "within", "@some" },
	{ "flap", "quiet_for", "@some" },
	{ "group", "by",
	  "{\"type\":[\"string\",\"number\"],\"minLength\":1}" },
	{ "group", "within", "@some" },
	{ "group", "short_description", "@template" },
	{ "escalate", "after", "@some" },
	{ "escalate", "unless", "{\"const\":\"acknowledged\"}" },
	{ "escalate", "raise_to", "@priority_word" },
	{ "escalate", "note", "@template" },
	{ "enrich", "suggest", "@suggest" },
	{ "enrich", "analyze", "@analyze" },
	{ "enrich", "article", "@article" },
	{ "suggest", "fields",
	  "{\"type\":\"array\",\"minItems\":1,\"maxItems\":4,\"items\":{\"enum\":"
	  "[\"category\",\"subcategory\",\"assignment_group\",\"priority\"]}}" },
	{ "suggest", "above", SHARE },
	{ "analyze", "priority",
	  "{\"type\":\"array\",\"minItems\":1,\"maxItems\":4,\"items\":{\"$ref\":"
	  "\"#/$defs/priority_word\"}}" },
	{ "analyze", "above", SHARE },
	{ "article", "above", SHARE },
	{ "window", "every", TEXTS_OR_ONE("1", "16") },
	{ "window", "from", "@text" },
	{ "window", "to", "@text" },
	{ "window", "tz", "@text" },
	{ "window", "until", "@text" },
	{ "window", "owner",
	  "{\"type\":[\"string\",\"number\",\"boolean\"],\"minLength\":1,"
	  "\"maxLength\":200}" },
	{ "suppress", "id", "@name" },
	{ "suppress", "match", "@match" },
	{ "suppress", "during", "@name" },
	{ "suppress", "when_change", "@when_change" },
	{ "suppress", "while_open", "@name" },
	{ "suppress", "same",
	  "{\"type\":\"array\",\"maxItems\":16,\"items\":{\"$ref\":"
	  "\"#/$defs/field\"}}" },
	{ "suppress", "never_above", "@priority_word" },
	{ "when_change", "state", TEXTS_OR_ONE("1", "16") },
	{ "guard", "id", "@name" },
	{ "guard", "match", "@match" },
	{ "guard", "max_priority", "@priority_word" },
	{ "guard", "forbid", "{\"const\":\"suppress\"}" },
	{ "guard", "max_window", "@some" },
	{ "limits", "open_per_team", NUMBER("1", "10000") },
	{ "limits", "within", "@some" },
	/* Test files; places of the same name are parted by "test:". */
	{ "test:file", "rules", TEXTS_OR_ONE("1", "1000") },
	{ "test:file", "tests",
	  "{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":"
	  "\"#/$defs/test\"}}" },
	{ "test:test", "name", "@text" },
	{ "test:test", "clock",
	  "{\"type\":\"string\",\"pattern\":\"^[0-9]{4}-[0-9]{2}-[0-9]{2}T\"}" },
	{ "test:test", "given", "@given" },
	{ "test:test", "events",
	  "{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":"
	  "\"#/$defs/event\"}}" },
	{ "test:test", "expect", "@expect" },
	{ "test:test", "expect_at",
	  BY_NAME("expect", "\"propertyNames\":{\"pattern\":"
			    "\"^([0-9]+(ms|s|m|h|d))+$\"},") },
	{ "test:event", "at", "@moment" },
	{ "test:event", "late", "@moment" },
	{ "test:event", "sample", "@text" },
	{ "test:event", "alarm", "{}" },
	{ "test:event", "repeat_of", "{\"type\":\"integer\",\"minimum\":1}" },
	{ "test:event", "state",
	  "{\"enum\":[\"ALARM\",\"OK\",\"INSUFFICIENT_DATA\",\"UNKNOWN\"]}" },
	{ "test:event", "severity", "@severity_word" },
	{ "test:event", "set",
	  "{\"type\":\"object\",\"propertyNames\":{\"pattern\":"
	  "\"^((dim|tag)\\\\..+|account|region|alarm|arn|namespace|metric|"
	  "ci_id|contributor|description|reason|resource_arn|subject|topic|"
	  "severity|threshold)$\"},\"properties\":{\"threshold\":{\"type\":"
	  "[\"number\",\"null\"]}},\"additionalProperties\":{\"type\":"
	  "[\"string\",\"number\",\"boolean\",\"null\"]}}" },
	{ "test:given", "cis",
	  OR_UNAVAILABLE("{\"type\":\"array\",\"maxItems\":200,\"items\":"
			 "{\"type\":\"object\",\"required\":[\"id\"],"
			 "\"additionalProperties\":{\"$ref\":"
			 "\"#/$defs/text\"}}}") },
	{ "test:given", "changes",
	  OR_UNAVAILABLE("{\"type\":\"array\",\"maxItems\":200,\"items\":"
			 "{\"$ref\":\"#/$defs/change\"}}") },
	{ "test:given", "incidents",
	  "{\"type\":\"array\",\"maxItems\":200,\"items\":{\"$ref\":"
	  "\"#/$defs/incident\"}}" },
	{ "test:given", "silences",
	  "{\"type\":\"array\",\"maxItems\":200,\"items\":{\"$ref\":"
	  "\"#/$defs/silence\"}}" },
	{ "test:change", "id", "@text" },
	{ "test:change", "title", "@text" },
	{ "test:change", "state", "@text" },
	{ "test:change", "ci_id", "@text" },
	{ "test:incident", "id", "@text" },
	{ "test:incident", "dedup_key", "@text" },
	{ "test:incident", "policy", "@text" },
	{ "test:incident", "team", "@text" },
	{ "test:incident", "account", "@text" },
	{ "test:incident", "region", "@text" },
	{ "test:incident", "alarm", "@text" },
	{ "test:incident", "short_description", "@text" },
	{ "test:incident", "severity", "@severity_word" },
	{ "test:incident", "priority", "@priority_word" },
	{ "test:incident", "state",
	  "{\"enum\":[\"new\",\"in_progress\",\"resolved\",\"closed\"]}" },
	{ "test:incident", "assigned_to", "@text" },
	{ "test:incident", "since", "@moment" },
	{ "test:incident", "same", BY_NAME("text", "") },
	{ "test:silence", "id", "@name" },
	{ "test:silence", "match", "@match" },
	{ "test:silence", "owner", "@text" },
	{ "test:silence", "reason", "@text" },
	{ "test:silence", "for", "@moment" },
	{ "test:expect", "decided_by", "@decided_by" },
	{ "test:expect", "actions",
	  "{\"type\":\"array\",\"items\":{\"enum\":[\"create\",\"note\","
	  "\"resolve\",\"reopen\",\"raise\"]}}" },
	{ "test:expect", "suppressed_by", "@compared" },
	{ "test:expect", "incident", OR_NULL("expected_incident") },
	{ "test:expect", "incidents",
	  "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":0},{\"type\":"
	  "\"array\",\"items\":{\"$ref\":\"#/$defs/expected_incident\"}}]}" },
	{ "test:expect", "notes", "{\"type\":\"integer\",\"minimum\":0}" },
	{ "test:expect", "last_note", "@compared" },
	{ "test:decided_by", "policy", "@compared" },
	{ "test:decided_by", "team", "@compared" },
	{ "test:decided_by", "file", "@compared" },
	{ "test:decided_by", "severity", "@severity_word" },
	{ "test:decided_by", "priority", "@priority_word" },
	{ "test:decided_by", "env", "@compared" },
	{ "test:decided_by", "dedup_key", "@compared" },
	{ "test:decided_by", "ci_id", "@compared" },
	{ "test:decided_by", "catch_all", "{\"type\":\"boolean\"}" },
	{ NULL, NULL, NULL },
};

#define ELSE_OR_BOTH                                                           \
	"\"oneOf\":[{\"required\":[\"else\"],\"maxProperties\":1},"            \
	"{\"required\":[\"when\",\"set\"],\"maxProperties\":2}]"
#define NOT_BOTH(a, b) "\"not\":{\"required\":[\"" a "\",\"" b "\"]}"

const struct definition schema_more[] = {
	{ "file", "\"required\":[\"version\",\"team\"]" },
	{ "severity", ELSE_OR_BOTH },
	{ "env", ELSE_OR_BOTH },
	{ "ci", "\"oneOf\":[{\"required\":[\"id\"],\"maxProperties\":1},"
		"{\"required\":[\"where\"],\"maxProperties\":1},"
		"{\"required\":[\"map\",\"key\"],\"maxProperties\":2},"
		"{\"required\":[\"fallback\"],\"maxProperties\":1}]" },
	{ "policy", "\"required\":[\"id\",\"match\"]," NOT_BOTH(
			    "description", "description_file") },
	{ "block", NOT_BOTH("description", "description_file") },
	{ "catch_all", NOT_BOTH("description", "description_file") },
	{ "open_when", "\"required\":[\"count\",\"within\"]" },
	{ "flap", "\"required\":[\"transitions\",\"within\"]" },
	{ "group", "\"required\":[\"by\",\"within\"]" },
	{ "escalate", "\"required\":[\"after\"],\"anyOf\":[{\"required\":"
		      "[\"raise_to\"]},{\"required\":[\"note\"]}]" },
	{ "enrich", "\"minProperties\":1" },
	{ "window",
	  "\"oneOf\":[{\"required\":[\"every\"],\"not\":{\"anyOf\":"
	  "[{\"required\":[\"from\"]},{\"required\":[\"to\"]}]}},"
	  "{\"required\":[\"from\",\"to\"],\"not\":{\"anyOf\":[{\"required\":"
	  "[\"every\"]},{\"required\":[\"until\"]}]}}]" },
	{ "suppress",
	  "\"required\":[\"id\",\"match\"],\"oneOf\":[{\"required\":"
	  "[\"during\"]},{\"required\":[\"when_change\"]},{\"required\":"
	  "[\"while_open\"]}],\"dependentRequired\":{\"while_open\":[\"same\"],"
	  "\"same\":[\"while_open\"]}" },
	{ "guard",
	  "\"required\":[\"id\",\"match\"],\"anyOf\":[{\"required\":"
	  "[\"max_priority\"]},{\"required\":[\"forbid\"]},{\"required\":"
	  "[\"max_window\"]}]" },
	{ "limits", "\"required\":[\"open_per_team\",\"within\"]" },
	{ "test:file", "\"required\":[\"tests\"]" },
	{ "test:test", "\"required\":[\"name\",\"events\"],\"anyOf\":"
		       "[{\"required\":[\"expect\"]},{\"required\":"
		       "[\"expect_at\"]}]" },
	{ "test:event",
	  "\"oneOf\":[{\"required\":[\"sample\"]},{\"required\":[\"alarm\"]},"
	  "{\"required\":[\"repeat_of\"],\"not\":{\"anyOf\":[{\"required\":"
	  "[\"state\"]},{\"required\":[\"severity\"]},{\"required\":"
	  "[\"set\"]}]}}]" },
	{ "test:change", "\"required\":[\"id\",\"state\",\"ci_id\"]" },
	{ "test:incident", "\"required\":[\"policy\"]" },
	{ "test:silence", "\"required\":[\"match\",\"for\"]" },
	{ "test:expect", "\"minProperties\":1" },
	{ NULL, NULL },
};
