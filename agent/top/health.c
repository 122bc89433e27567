#include "agent/top/state.h"

#include <ctype.h>
#include <time.h>

#include "base/encode.h"

#define SILENT_MS 6000

static void put(struct trouble *t, enum health level, struct str text,
		struct str advice)
{
	t->level = level;
	utf8_keep(t->text, sizeof(t->text), text);
	utf8_keep(t->advice, sizeof(t->advice), advice);
}

/* The agent tells its troubles with the worst first. */
size_t health_troubles(struct trouble *out, const struct json *s)
{
	const struct json *list = json_get(s, "warnings");
	struct str health = json_get_str(s, "health");
	struct str why = json_get_str(s, "not_ready_because");
	size_t n = 0;

	if (str_is(health, "not ready"))
		put(&out[n++], HEALTH_ACT, why.n ? why :
		    STR("it isn't ready"), STR("No alarm is taken, and "
		    "senders try again; journalctl -u tocsin says more"));
	for (size_t i = 0; i < json_count(list) && n < TROUBLES_MAX; i++) {
		const struct json *w = json_item(list, i);

		put(&out[n++], str_is(json_get_str(w, "level"), "bad") ?
				       HEALTH_ACT : HEALTH_WATCH,
		    json_get_str(w, "text"), json_get_str(w, "advice"));
	}
	if (!n && str_is(health, "degraded"))
		put(&out[n++], HEALTH_WATCH, STR("StackFlow isn't written "
		    "to at the moment"), STR("Alarms are kept meanwhile"));
	return n;
}

/* ---- the sentence ---- */

bool health_silent(const struct top *t, const struct top_now *now)
{
	return t->problem[0] || now->mono_ms - t->answered_ms > SILENT_MS;
}

static void put_clock(struct buf *out, int64_t wall_ms)
{
	time_t at = (time_t)(wall_ms / 1000);
	struct tm tm;

	localtime_r(&at, &tm);
	buf_printf(out, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static enum health put_silence(struct buf *out, const struct top *t)
{
	buf_puts(out, "No answer from tocsin");
	if (t->answered_wall_ms) {
		buf_puts(out, " since ");
		put_clock(out, t->answered_wall_ms);
		buf_puts(out, "; what stands below is old");
	}
	if (t->problem[0])
		buf_printf(out, ": %s", t->problem);
	return HEALTH_ACT;
}

enum health health_sentence(struct buf *out, const struct top *t,
			    const struct top_now *now)
{
	struct trouble list[TROUBLES_MAX];
	int64_t backlog = json_int(json_get(t->status, "backlog"), 0);
	size_t n;

	if (health_silent(t, now))
		return put_silence(out, t);
	n = health_troubles(list, t->status);
	if (!n) {
		buf_puts(out, "Healthy: takes alarms, StackFlow answers, ");
		if (backlog)
			buf_printf(out, "%lld step%s on their way.",
				   (long long)backlog, backlog == 1 ? "" :
								      "s");
		else
			buf_puts(out, "nothing waits.");
		return HEALTH_OK;
	}
	buf_putc(out, (char)toupper((unsigned char)list[0].text[0]));
	if (list[0].text[0])
		buf_puts(out, list[0].text + 1);
	if (n > 1)
		buf_printf(out, ", and %zu more", n - 1);
	buf_putc(out, '.');
	return list[0].level;
}
