#include "rule/verdict.h"

static const char *const names[] = {
	[SEVERITY_CRITICAL] = "critical",
	[SEVERITY_HIGH] = "high",
	[SEVERITY_MEDIUM] = "medium",
	[SEVERITY_LOW] = "low",
};

const char *severity_name(enum severity s)
{
	return s > SEVERITY_NONE && s <= SEVERITY_LOW ? names[s] : NULL;
}

enum severity severity_of(struct str word)
{
	for (int s = SEVERITY_CRITICAL; s <= SEVERITY_LOW; s++)
		if (str_is_nocase(word, names[s]))
			return (enum severity)s;
	return SEVERITY_NONE;
}
