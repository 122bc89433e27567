#include "agent/warnings.h"

#include <stdlib.h>

#include "agent/log.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/jsonw.h"

#define SECONDS(n) ((n) < 0 ? -1 : (n) * INT64_C(1000))

struct entry {
	int64_t first_ms;	/* of a condition that may not count yet */
	struct warning_state state;	/* since_ms 0: not raised */
};

struct warnings {
	pthread_mutex_t lock;
	struct entry list[WARNING_COUNT];
};

enum { WATCH = false, BAD = true, NEVER = -1 };

const struct warning_row warning_rows[WARNING_COUNT] = {
#define WARNING(id, code, bad, after, linger, alert, help, advice)            \
	{ code, bad, SECONDS(after), SECONDS(linger), SECONDS(alert), help,   \
	  advice },
#include "agent/warnings.tbl"
#undef WARNING
};

struct warnings *warnings_new(void)
{
	struct warnings *w = calloc(1, sizeof(*w));

	if (w)
		pthread_mutex_init(&w->lock, NULL);
	return w;
}

void warnings_free(struct warnings *w)
{
	if (!w)
		return;
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static void keep(char *to, const char *text)
{
	struct buf safe = BUF_INIT(4 * WARNING_TEXT);

	utf8_put_safe(&safe, str_from(text), WARNING_TEXT - 1);
	utf8_keep(to, WARNING_TEXT, buf_str(&safe));
	buf_fini(&safe);
}

void warnings_raise(struct warnings *w, enum warning id, const char *text,
		    const char *advice, int64_t now_ms)
{
	const struct warning_row *row = &warning_rows[id];
	struct entry *e = &w->list[id];
	struct warning_state *s = &e->state;
	bool news;

	if (!text)
		text = row->help;
	if (!advice)
		advice = row->advice;
	pthread_mutex_lock(&w->lock);
	/* The clock may have been set back. */
	if (!e->first_ms || e->first_ms > now_ms)
		e->first_ms = now_ms;
	news = !s->since_ms && now_ms - e->first_ms >= row->after_ms;
	if (news)
		s->since_ms = now_ms;
	s->until_ms = row->linger_ms ? now_ms + row->linger_ms : 0;
	keep(s->text, text);
	keep(s->advice, advice);
	pthread_mutex_unlock(&w->lock);
	if (news)
		log_write(row->bad ? CONF_LOG_ERROR : CONF_LOG_WARNING,
			  "warning raised",
			  (const struct log_field[]){
				LFC("code", row->code), LFC("text", text),
				LFC("advice", advice) }, 3);
}

void warnings_clear(struct warnings *w, enum warning id, int64_t now_ms)
{
	struct entry *e = &w->list[id];
	int64_t since;

	pthread_mutex_lock(&w->lock);
	since = e->state.since_ms;
	e->first_ms = 0;
	e->state.since_ms = 0;
	pthread_mutex_unlock(&w->lock);
	if (since)
		LOG(INFO, "warning cleared",
		    LFC("code", warning_rows[id].code),
		    LFN("after_ms", now_ms - since));
}

void warnings_expire(struct warnings *w, int64_t now_ms)
{
	for (int i = 0; i < WARNING_COUNT; i++) {
		int64_t linger = warning_rows[i].linger_ms, until;
		struct warning_state *s = &w->list[i].state;

		pthread_mutex_lock(&w->lock);
		/* The clock may have been set back, or read before the one
		 * that it was raised by. */
		if (s->until_ms > now_ms + linger)
			s->until_ms = now_ms + linger;
		until = s->until_ms;
		pthread_mutex_unlock(&w->lock);
		if (linger && now_ms >= until)
			warnings_clear(w, (enum warning)i, now_ms);
	}
}

int64_t warnings_read(struct warning_state *out, struct warnings *w,
		      enum warning id)
{
	pthread_mutex_lock(&w->lock);
	*out = w->list[id].state;
	pthread_mutex_unlock(&w->lock);
	return out->since_ms;
}

int64_t warnings_since(struct warnings *w, enum warning id)
{
	int64_t since;

	pthread_mutex_lock(&w->lock);
	since = w->list[id].state.since_ms;
	pthread_mutex_unlock(&w->lock);
	return since;
}

void warning_raise(struct agent *a, enum warning id, const char *text,
		   const char *advice)
{
	warnings_raise(a->warnings, id, text, advice, clock_wall_ms());
}

void warning_clear(struct agent *a, enum warning id)
{
	warnings_clear(a->warnings, id, clock_wall_ms());
}

/* ---- what people ask ---- */

static void put(struct jsonw *w, struct warnings *list, enum warning id)
{
	const struct warning_row *row = &warning_rows[id];
	struct warning_state s;

	if (!warnings_read(&s, list, id))
		return;
	jsonw_object(w);
	jsonw_kcstr(w, "code", row->code);
	jsonw_kcstr(w, "level", row->bad ? "bad" : "watch");
	jsonw_ktime(w, "since", s.since_ms);
	jsonw_kcstr(w, "text", s.text);
	jsonw_kcstr(w, "advice", s.advice);
	jsonw_end_object(w);
}

void warnings_put(struct jsonw *w, struct warnings *list)
{
	jsonw_array(w);
	for (int i = 0; i < WARNING_COUNT; i++)
		put(w, list, (enum warning)i);
	jsonw_end_array(w);
}

void warnings_list(struct buf *out, struct warnings *list)
{
	struct warning_state s;

	for (int i = 0; i < WARNING_COUNT; i++)
		if (warnings_read(&s, list, (enum warning)i))
			buf_printf(out, "warning %s: %s\n",
				   warning_rows[i].code, s.text);
}

void warnings_metrics(struct buf *out, struct warnings *list)
{
	buf_puts(out, "# HELP tocsin_warning 1 while this trouble of tocsin's "
		      "own is there\n"
		      "# TYPE tocsin_warning gauge\n");
	for (int i = 0; i < WARNING_COUNT; i++)
		buf_printf(out, "tocsin_warning{code=\"%s\"} %d\n",
			   warning_rows[i].code,
			   warnings_since(list, (enum warning)i) != 0);
}
