#ifndef AGENT_RULETEST_SHAPES_H
#define AGENT_RULETEST_SHAPES_H

/*
 * What the schema says of each key's value, by the place and key of the
 * loader's tables. A shape is JSON, or "@name": a definition, "[@name": a list
 * of such. A place may have more to say than its keys: `more`, in JSON without
 * the braces.
 */
struct shape {
	const char *place, *key, *shape;
};

struct definition {
	const char *name, *text;
};

/* What a field may be called, as a pattern. */
#define SCHEMA_FIELD                                                           \
	"^((dim|tag|ci)\\\\..+|payload:(/.*)?|source|kind|state|"              \
	"previous_state|time|threshold|env|severity|priority|team|account|"    \
	"region|alarm|arn|namespace|metric|ci_id|contributor|description|"     \
	"reason|resource_arn|subject|topic)$"

/* Each ends with a NULL name or place. */
extern const struct shape schema_shapes[];
extern const struct definition schema_definitions[], schema_more[];

#endif
