/* Samples: messages in files, or in place as YAML. */
#include "agent/ruletest/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/map.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define SAMPLE_MAX (2 << 20) /* as a webhook's body */
#define DEPTH 33
#define ACCOUNT_DIGITS 12

/* A plain number, true or false; an account's id is text all the same. */
static bool is_json_scalar(const struct yaml *v)
{
	size_t digits = 0;

	if (v->quoted || json_scan(v->text, 0, NULL))
		return false;
	while (digits < v->text.n && v->text.p[digits] >= '0' &&
	       v->text.p[digits] <= '9')
		digits++;
	return digits != v->text.n || digits != ACCOUNT_DIGITS;
}

static void open_node(struct jsonw *w, const struct yaml *v)
{
	switch (v->type) {
	case YAML_NULL:
		jsonw_null(w);
		break;
	case YAML_SCALAR:
		if (is_json_scalar(v))
			jsonw_raw(w, v->text);
		else
			jsonw_str(w, v->text);
		break;
	case YAML_LIST:
		jsonw_array(w);
		break;
	case YAML_MAP:
		jsonw_object(w);
		break;
	}
}

static void close_node(struct jsonw *w, const struct yaml *v)
{
	if (v->type == YAML_LIST)
		jsonw_end_array(w);
	else if (v->type == YAML_MAP)
		jsonw_end_object(w);
}

void test_put_json(struct buf *out, const struct yaml *v)
{
	const struct yaml *above[DEPTH] = { NULL }, *at = v;
	struct jsonw w = JSONW(out);
	size_t depth = 0;

	for (;;) {
		if (depth && above[depth - 1]->type == YAML_MAP)
			jsonw_key_str(&w, at->key);
		open_node(&w, at);
		if (at->child && depth < DEPTH) {
			above[depth++] = at;
			at = at->child;
			continue;
		}
		close_node(&w, at);
		while (depth && !at->next) {
			at = above[--depth];
			close_node(&w, at);
		}
		if (!depth)
			return;
		at = at->next;
	}
}

static int take_message(const struct alarm_input *in, void *arg)
{
	struct sample *s = arg;
	struct alarm_input *own = &s->inputs[s->count];
	int rc;

	if (s->count == SAMPLE_MESSAGES)
		return err_set(&s->problem, -E2BIG,
			       "holds more than %d messages", SAMPLE_MESSAGES);
	*own = *in;
	own->body = arena_str(s->arena, in->body);
	own->subject = arena_str(s->arena, in->subject);
	own->topic = arena_str(s->arena, in->topic);
	own->message_id = arena_str(s->arena, in->message_id);
	if (arena_error(s->arena))
		return -ENOMEM;
	rc = alarm_decode(&s->messages[s->count], own);
	if (rc)
		return rc;
	s->alarms += s->messages[s->count++].count;
	return 0;
}

void test_sample_free(struct sample *s)
{
	for (size_t i = 0; i < s->count; i++)
		alarms_fini(&s->messages[i]);
	arena_free(s->arena);
	free(s);
}

/* A sample that can't be used is kept too: it is told at each who names it. */
static struct sample *sample_new(struct test_reader *r, struct str text)
{
	struct sample *s = calloc(1, sizeof(*s));
	struct err err = { "" };
	int rc;

	if (!s)
		return load_no_memory(&r->l);
	s->next = r->file->samples;
	r->file->samples = s;
	s->arena = arena_new(4 * SAMPLE_MAX + (1 << 16));
	if (!s->arena)
		return load_no_memory(&r->l);
	if (!text.p)
		return s;
	/* When it came is set with each event. */
	rc = alarm_unwrap(text, 1, take_message, s, &err);
	if (rc == -ENOMEM)
		return load_no_memory(&r->l);
	if (rc < 0 && !s->problem.text[0])
		err_set(&s->problem, rc, "can't be read as a message: %s",
			err.text[0] ? err.text : strerror(-rc));
	return s;
}

static const struct sample *usable(struct test_reader *r, const struct yaml *v,
				   const struct sample *s)
{
	if (!s || !s->problem.text[0])
		return s;
	load_error(&r->l, v, "bad-sample", "%s%.*s%s %s",
		   str_is(v->key, "sample") ? "\"" : "the ",
		   STR_ARG(str_is(v->key, "sample") ? utf8_cut(v->text, 200)
						    : STR("payload")),
		   str_is(v->key, "sample") ? "\"" : "", s->problem.text);
	return NULL;
}

const struct sample *test_sample(struct test_reader *r, const struct yaml *v)
{
	struct buf text = BUF_INIT(SAMPLE_MAX + 8192);
	struct err err = { "" };
	struct sample *s;

	if (!load_is(&r->l, v, YAML_SCALAR))
		return NULL;
	s = map_get(r->samples, v->text);
	if (s)
		return usable(r, v, s);
	load_beneath(&text, r->file->folder, v->text, SAMPLE_MAX, &err);
	s = sample_new(r, err.text[0] ? STR_NONE : buf_str(&text));
	if (s && err.text[0])
		s->problem = err;
	buf_fini(&text);
	if (s && map_set(r->samples, v->text, s) < 0)
		return load_no_memory(&r->l);
	return usable(r, v, s);
}

const struct sample *test_payload(struct test_reader *r, const struct yaml *v)
{
	struct buf text = BUF_INIT(SAMPLE_MAX);
	struct sample *s;

	if (v->type != YAML_SCALAR && v->type != YAML_MAP) {
		load_error(&r->l, v, "wrong-type",
			   "`alarm` takes a payload as a map, or its text, not "
			   "%s",
			   yaml_type_name(v));
		return NULL;
	}
	if (v->type == YAML_MAP)
		test_put_json(&text, v);
	s = sample_new(r, v->type == YAML_MAP ? buf_str(&text) : v->text);
	buf_fini(&text);
	return usable(r, v, s);
}
