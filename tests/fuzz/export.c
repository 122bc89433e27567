/*
 * Lines of `tocsin events --export` from bytes, as replay reads them: each is
 * read, spooled, had back, and decoded as what its payload came as.
 */
#include <errno.h>

#include "agent/past.h"
#include "agent/replay/spool.h"
#include "must.h"

#define LINES_MAX 64

struct kept {
	struct past_line line;
	bool there;
};

static void decode(const struct event *e)
{
	struct alarm_input in = past_input(e);
	struct alarms alarms;

	if (!e->payload.p || alarm_decode(&alarms, &in))
		return;
	MUST(alarms.count > 0);
	alarms_fini(&alarms);
}

/* What was put in comes out, in order. */
static void have_back(struct spool *s, const struct kept *lines, size_t n)
{
	struct spool_cursor cursor;
	struct spool_event got;
	size_t at = 0;

	spool_cursor_init(&cursor);
	for (size_t i = 0; i < n; i++) {
		const struct event *e = &lines[i].line.past.event;

		if (!lines[i].there)
			continue;
		MUST(spool_get(&got, s, at++, &cursor) == 1);
		MUST(str_eq(got.event.id, e->id));
		MUST(str_eq(got.ci_id, lines[i].line.past.ci_id));
		MUST(got.event.received_ms == e->received_ms);
		MUST(got.event.change_ms == e->change_ms);
		MUST(got.event.position == e->position);
		MUST(!e->payload.p || str_eq(got.event.payload, e->payload));
		decode(&got.event);
	}
	MUST(spool_get(&got, s, at, &cursor) == 0);
	spool_cursor_fini(&cursor);
}

static void take(struct kept *k, struct spool *s, struct str text)
{
	const struct event *e = &k->line.past.event;
	struct err err = { "" };
	int rc = past_read(&k->line, text, &err);

	MUST(rc == 0 || (rc == -EINVAL && err.text[0]) || rc == -ENOMEM);
	if (rc)
		return;
	MUST(e->id.n && e->received_ms && e->position <= 1000000);
	MUST(strlen(e->intake) < sizeof(k->line.intake));
	rc = past_is_alarm(e) ? spool_add(s, e, k->line.past.ci_id) : -ENOENT;
	MUST(rc == 0 || rc == -ENOENT);
	k->there = rc == 0;
	if (rc)
		past_line_fini(&k->line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct kept lines[LINES_MAX];
	struct str all = { (const char *)data, size }, text;
	struct spool *s;
	struct err err;
	size_t n = 0;

	MUST(spool_new(&s, &err) == 0);
	memset(lines, 0, sizeof(lines));
	while (n < LINES_MAX && str_cut(&all, '\n', &text))
		take(&lines[n++], s, text);
	spool_end(s, 0);
	have_back(s, lines, n);
	for (size_t i = 0; i < n; i++)
		if (lines[i].there)
			past_line_fini(&lines[i].line);
	spool_free(s);
	return 0;
}
