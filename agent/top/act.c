/* What people do from here: what is asked first, and what is sent then. */
#include "agent/top/state.h"

#include <stdio.h>

#include "agent/cmd/match.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/jsonw.h"

/* What it is about: the thing that is shown, else the chosen row. */
static const struct json *subject(const struct top *t)
{
	if (!t->detail || t->detail_of == VIEW_DEAD ||
	    t->detail_of == VIEW_SILENCES)
		return rows_chosen(t);
	return t->detail_of == VIEW_INCIDENTS ? t->detail_answer :
						json_get(t->detail_answer,
							 "event");
}

/* The incident it is about: itself, or an event's. */
static const struct json *incident(const struct top *t)
{
	if (t->detail && (t->detail_of == VIEW_EVENTS ||
			  t->detail_of == VIEW_HELD))
		return json_get(t->detail_answer, "incident");
	return t->view == VIEW_INCIDENTS || t->detail ? subject(t) : NULL;
}

static bool is_open(const struct json *i)
{
	return str_is(json_get_str(i, "state"), "open");
}

/* Its id and label are kept: the row may go while somebody types. */
static void about(struct top *t, enum view v, const struct json *row)
{
	buf_reset(&t->prompt.target);
	buf_reset(&t->prompt.label);
	rows_id(&t->prompt.target, v, row);
	rows_label(&t->prompt.label, v, row);
}

static void ask_incident(struct top *t, enum act act,
			 const struct top_now *now)
{
	const struct json *i = incident(t);

	if (!i || !is_open(i)) {
		state_say(t, now, true, i ? "It is no longer open." :
			  "Choose an open incident for this.");
		return;
	}
	about(t, VIEW_INCIDENTS, i);
	prompt_ask(&t->prompt, act, "");
	buf_printf(&t->prompt.question, act == ACT_NOTE ? "Note on %s: " :
		   "Resolve %s; what was done (may be empty): ",
		   t->prompt.label.p);
}

static void ask_silence(struct top *t, const struct top_now *now)
{
	const struct json *row = subject(t);

	buf_reset(&t->prompt.target);
	buf_reset(&t->prompt.label);
	if (!match_put_alarm(&t->prompt.target, row)) {
		state_say(t, now, true, "Choose an alarm or an incident to "
			  "silence.");
		return;
	}
	words_member(&t->prompt.label, row, "alarm");
	prompt_ask(&t->prompt, ACT_SILENCE, "2h");
	buf_printf(&t->prompt.question,
		   "Silence %s for how long (30m, 2h, 3d): ",
		   t->prompt.label.p);
}

static void ask_why(struct top *t)
{
	const struct json *i = incident(t);
	struct buf why = BUF_INIT(1024);

	buf_reset(&t->prompt.first);
	buf_put_str(&t->prompt.first, buf_str(&t->prompt.text));
	if (json_get(i, "incident")) {
		buf_puts(&why, "for ");
		words_member(&why, i, "incident");
	}
	prompt_ask(&t->prompt, ACT_SILENCE_WHY, why.p ? why.p : "");
	buf_puts(&t->prompt.question, "Why: ");
	buf_fini(&why);
}

static void ask_extend(struct top *t)
{
	about(t, VIEW_SILENCES, rows_chosen(t));
	prompt_ask(&t->prompt, ACT_EXTEND, "1h");
	buf_printf(&t->prompt.question, "Let %s last longer by: ",
		   t->prompt.label.p);
}

static void confirm(struct top *t, enum act act)
{
	const struct json *row = rows_chosen(t);

	about(t, t->view, row);
	prompt_ask(&t->prompt, act, "");
	t->prompt.confirm = true;
	if (act == ACT_DROP)
		buf_printf(&t->prompt.question, "Drop %s for good? StackFlow "
			   "never gets it. (y/n)",
			   t->prompt.label.p);
	else
		buf_printf(&t->prompt.question, "End %s now? It holds %lld, "
			   "looked at again at once. (y/n)",
			   t->prompt.label.p,
			   (long long)json_int(json_get(row, "holding"), 0));
}

/* ---- sending ---- */

static void __attribute__((format(printf, 3, 4)))
send(struct top *t, const char *what, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->act_done, sizeof(t->act_done), fmt, ap);
	va_end(ap);
	buf_reset(&t->act_path);
	buf_printf(&t->act_path, "/api/v1/%s", what);
	prompt_close(&t->prompt);
	state_renew(t, TOP_ACT, 0);
}

/* "/api/v1/KIND/TARGET/VERB" */
static void send_about(struct top *t, const char *kind, const char *verb,
		       const char *done)
{
	struct buf path = BUF_INIT(1024), label = BUF_INIT(100);

	buf_printf(&path, "%s/", kind);
	encode_url(&path, buf_str(&t->prompt.target));
	buf_printf(&path, "/%s", verb);
	utf8_put_safe(&label, buf_str(&t->prompt.label), 80);
	send(t, buf_str(&path).p, "%s: %s", buf_str(&label).p, done);
	buf_fini(&path);
	buf_fini(&label);
}

static void put_body(struct top *t, const char *key, const struct buf *value)
{
	struct jsonw w = JSONW(&t->act_body);

	buf_reset(&t->act_body);
	jsonw_object(&w);
	if (value->n)
		jsonw_kstr(&w, key, buf_str(value));
	jsonw_end_object(&w);
}

static void send_silence(struct top *t)
{
	struct jsonw w = JSONW(&t->act_body);
	struct buf label = BUF_INIT(100);

	buf_reset(&t->act_body);
	jsonw_object(&w);
	jsonw_key(&w, "match");
	jsonw_raw(&w, buf_str(&t->prompt.target));
	jsonw_kstr(&w, "for", buf_str(&t->prompt.first));
	jsonw_kcstr(&w, "owner", t->user[0] ? t->user : "unknown");
	jsonw_kstr(&w, "reason", buf_str(&t->prompt.text));
	jsonw_end_object(&w);
	utf8_put_safe(&label, buf_str(&t->prompt.label), 80);
	send(t, "silences", "%s is silenced.", buf_str(&label).p);
	buf_fini(&label);
}

/* A span that the agent would refuse is told while it can be mended. */
static bool good_span(struct top *t, const struct top_now *now)
{
	int64_t ms;

	if (!clock_parse_span(&ms, str_trim(buf_str(&t->prompt.text))) &&
	    ms > 0)
		return true;
	state_say(t, now, true, "That is no span: a whole number and a unit, "
		  "such as 30m, 2h or 3d.");
	return false;
}

static bool words(struct top *t, const struct top_now *now)
{
	if (str_trim(buf_str(&t->prompt.text)).n)
		return true;
	state_say(t, now, true, "Say it in a few words, or Esc to leave it.");
	return false;
}

static void confirm_resolve(struct top *t)
{
	buf_reset(&t->prompt.first);
	buf_put_str(&t->prompt.first, buf_str(&t->prompt.text));
	prompt_ask(&t->prompt, ACT_RESOLVE, "");
	t->prompt.confirm = true;
	buf_printf(&t->prompt.question, "Resolve %s? That can't be undone. "
		   "(y/n)", t->prompt.label.p);
}

void act_answered(struct top *t, const struct top_now *now)
{
	struct prompt *p = &t->prompt;

	switch (p->act) {
	case ACT_NOTE:
		if (!words(t, now))
			break;
		put_body(t, "text", &p->text);
		send_about(t, "incidents", "note", "the note is taken and "
			   "goes to StackFlow.");
		break;
	case ACT_RESOLVE:
		if (!p->confirm) {
			confirm_resolve(t);
			break;
		}
		put_body(t, "text", &p->first);
		send_about(t, "incidents", "resolve", "the resolve is taken "
			   "and goes to StackFlow.");
		break;
	case ACT_SILENCE:
		if (good_span(t, now))
			ask_why(t);
		break;
	case ACT_SILENCE_WHY:
		if (words(t, now))
			send_silence(t);
		break;
	case ACT_EXTEND:
		if (!good_span(t, now))
			break;
		put_body(t, "for", &p->text);
		send_about(t, "silences", "extend", "lasts longer.");
		break;
	case ACT_EXPIRE:
		buf_reset(&t->act_body);
		send_about(t, "silences", "expire", "ended.");
		break;
	case ACT_DROP:
		buf_reset(&t->act_body);
		send_about(t, "dead", "drop", "dropped.");
		break;
	default:
		break;
	}
}

void act_begin(struct top *t, enum act act, const struct top_now *now)
{
	const struct json *row = rows_chosen(t);

	t->said_until_ms = 0;
	if (t->errands[TOP_ACT].under_way) {
		state_say(t, now, true, "The last one isn't answered yet.");
		return;
	}
	switch (act) {
	case ACT_NOTE:
	case ACT_RESOLVE:
		ask_incident(t, act, now);
		break;
	case ACT_SILENCE:
		ask_silence(t, now);
		break;
	case ACT_EXTEND:
		if (row)
			ask_extend(t);
		break;
	case ACT_EXPIRE:
	case ACT_DROP:
		if (row)
			confirm(t, act);
		break;
	case ACT_RETRY:
		if (!row)
			break;
		about(t, VIEW_DEAD, row);
		buf_reset(&t->act_body);
		send_about(t, "dead", "retry", "on its way again.");
		break;
	default:
		break;
	}
}
