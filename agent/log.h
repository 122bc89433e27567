#ifndef AGENT_LOG_H
#define AGENT_LOG_H

#include "agent/conf.h"
#include "base/str.h"

/*
 * One record an event: to the journal with fields of their own, or on stderr
 * as logfmt or JSON. Values from outside are escaped and cut; secrets are
 * never given to it. From any thread.
 */
struct log_field {
	const char *key;	/* lower case, underscores */
	struct str text;	/* p == NULL: number */
	int64_t number;
};

#define LF(k, s) ((struct log_field){ .key = (k), .text = log_str(s) })
#define LFC(k, s) LF(k, log_text(s))
#define LFN(k, n) ((struct log_field){ .key = (k), .number = (n) })

/* A field without text is a number. */
static inline struct str log_str(struct str s)
{
	return s.p ? s : STR("");
}

static inline struct str log_text(const char *s)
{
	return s ? str_from(s) : STR("");
}

void log_open(enum conf_log_level level, enum conf_log_format format);
bool log_wants(enum conf_log_level level);

void log_write(enum conf_log_level level, const char *message,
	       const struct log_field *fields, size_t count);

#define LOG(level, message, ...)                                              \
	log_write(CONF_LOG_##level, message,                                  \
		  (const struct log_field[]){ __VA_ARGS__ },                  \
		  sizeof((const struct log_field[]){ __VA_ARGS__ }) /         \
			  sizeof(struct log_field))

#endif
