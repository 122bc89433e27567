#include "agent/told.h"

#include <errno.h>

#include "agent/changes.h"
#include "base/clock.h"
#include "doc/json.h"
#include "doc/jsonw.h"
#include "rule/silence.h"

#define DAY_MS 86400000LL

/* ---- while it is decided ---- */

static enum ci_answer ask_ci(struct ci *out, struct arena *arena,
			     struct str field, struct str value, void *arg)
{
	struct asked *a = arg;
	enum ci_answer got = a->cis.find(out, arena, field, value, a->cis.arg);
	size_t i = 0;

	while (i < a->ci_count && !(str_eq(a->ci[i].field, field) &&
				    str_eq(a->ci[i].value, value)))
		i++;
	if (i == ASKED_MAX)
		return got;
	a->ci[i] = (struct asked_ci){ .field = field, .value = value,
				       .answer = got };
	if (got == CI_FOUND)
		a->ci[i].ci = *out;
	a->ci_count += i == a->ci_count;
	return got;
}

static bool same_states(const struct asked_change *x, const struct str *states,
			size_t count)
{
	if (x->state_count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!str_eq(x->states[i], states[i]))
			return false;
	return true;
}

static enum ci_answer ask_change(struct rule_change *out, struct arena *arena,
				 struct str ci_id, const struct str *states,
				 size_t count, void *arg)
{
	struct asked *a = arg;
	enum ci_answer got = a->holds.change(out, arena, ci_id, states, count,
					     a->holds.arg);
	size_t i = 0;

	while (i < a->change_count &&
	       !(str_eq(a->change[i].ci_id, ci_id) &&
		 same_states(&a->change[i], states, count)))
		i++;
	if (i == ASKED_MAX)
		return got;
	a->change[i] = (struct asked_change){ .ci_id = ci_id, .states = states,
					       .state_count = count,
					       .answer = got };
	if (got == CI_FOUND)
		a->change[i].change = *out;
	a->change_count += i == a->change_count;
	return got;
}

static int ask_open(struct str *out, struct arena *arena, struct str policy,
		    const struct field *same, size_t same_count, void *arg)
{
	struct asked *a = arg;

	return a->holds.open(out, arena, policy, same, same_count,
			     a->holds.arg);
}

void asked_begin(struct asked *a, struct ci_source *cis,
		 struct hold_source *holds)
{
	a->ci_count = a->change_count = 0;
	a->cis = *cis;
	a->holds = *holds;
	*cis = (struct ci_source){ ask_ci, a };
	holds->change = ask_change;
	holds->open = ask_open;
	holds->arg = a;
}

/* "failed" for all that isn't known to be there or not. */
static void put_answer(struct jsonw *w, enum ci_answer answer)
{
	if (answer == CI_PENDING || answer == CI_FAILED)
		jsonw_kbool(w, "failed", true);
}

static void put_ci(struct jsonw *w, const struct asked_ci *x, bool fields)
{
	jsonw_object(w);
	jsonw_kstr(w, "field", x->field);
	jsonw_kstr(w, "value", x->value);
	put_answer(w, x->answer);
	if (x->answer == CI_FOUND) {
		jsonw_kstr(w, "id", x->ci.id);
		if (x->ci.name.n)
			jsonw_kstr(w, "name", x->ci.name);
	}
	if (fields && x->ci.field_count) {
		jsonw_key(w, "fields");
		jsonw_array(w);
		for (size_t i = 0; i < x->ci.field_count; i++) {
			jsonw_array(w);
			jsonw_str(w, x->ci.fields[i].name);
			jsonw_str(w, x->ci.fields[i].value);
			jsonw_end_array(w);
		}
		jsonw_end_array(w);
	}
	jsonw_end_object(w);
}

static void put_change(struct jsonw *w, const struct asked_change *x)
{
	jsonw_object(w);
	jsonw_kstr(w, "ci_id", x->ci_id);
	if (x->state_count) {
		jsonw_key(w, "states");
		jsonw_array(w);
		for (size_t i = 0; i < x->state_count; i++)
			jsonw_str(w, x->states[i]);
		jsonw_end_array(w);
	}
	put_answer(w, x->answer);
	if (x->answer == CI_FOUND) {
		jsonw_kstr(w, "id", x->change.id);
		jsonw_kstr(w, "title", x->change.title);
		jsonw_kstr(w, "state", x->change.state);
	}
	jsonw_end_object(w);
}

static void put_tags(struct jsonw *w, const struct asked *a)
{
	jsonw_key(w, "tags");
	jsonw_array(w);
	for (size_t i = 0; i < a->tag_count; i++) {
		jsonw_array(w);
		jsonw_str(w, a->tags[i].name);
		jsonw_str(w, a->tags[i].value);
		jsonw_end_array(w);
	}
	jsonw_end_array(w);
}

static void put_silence(struct jsonw *w, const struct hold *hold)
{
	jsonw_key(w, "silence");
	jsonw_object(w);
	jsonw_kstr(w, "id", hold->id);
	jsonw_kstr(w, "about", hold->about);
	jsonw_ktime(w, "until", hold->until_ms);
	jsonw_end_object(w);
}

/* frugal: 1 without what CIs hold besides, 2 without tags, 3 the moment. */
static void put(struct buf *out, const struct asked *a,
		const struct hold *hold, int64_t now_ms, int frugal)
{
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_ktime(&w, "at", now_ms);
	if (frugal < 2 && a->tag_count)
		put_tags(&w, a);
	if (frugal < 3 && a->ci_count) {
		jsonw_key(&w, "cis");
		jsonw_array(&w);
		for (size_t i = 0; i < a->ci_count; i++)
			put_ci(&w, &a->ci[i], !frugal);
		jsonw_end_array(&w);
	}
	if (frugal < 3 && a->change_count) {
		jsonw_key(&w, "changes");
		jsonw_array(&w);
		for (size_t i = 0; i < a->change_count; i++)
			put_change(&w, &a->change[i]);
		jsonw_end_array(&w);
	}
	if (hold->kind == HOLD_SILENCE)
		put_silence(&w, hold);
	jsonw_end_object(&w);
}

struct str asked_json(const struct asked *a, struct str before,
		      const struct hold *hold, int64_t now_ms,
		      struct arena *arena)
{
	struct buf b = BUF_INIT(1 << 20);
	struct str out = STR_NONE;

	if (!before.n && !a->tag_count && !a->ci_count && !a->change_count &&
	    hold->kind != HOLD_SILENCE)
		return STR_NONE;
	for (int frugal = 0; !out.p && frugal < 4; frugal++) {
		buf_reset(&b);
		buf_putc(&b, '[');
		if (before.n > 2 && before.n < TOLD_MAX / 2) {
			buf_put_str(&b, str_sub(before, 1, before.n - 2));
			buf_putc(&b, ',');
		}
		put(&b, a, hold, now_ms, frugal);
		buf_putc(&b, ']');
		if (!buf_error(&b) && b.n <= TOLD_MAX)
			out = arena_str(arena, buf_str(&b));
	}
	buf_fini(&b);
	return out;
}

/* ---- when it is decided again ---- */

void told_init(struct told *t, struct str world, struct str ci_id)
{
	*t = (struct told){ .ci_id = ci_id };
	if (world.n && (json_parse(&t->json, world, 0, NULL) ||
			!json_count(t->json)))
		told_fini(t);
}

void told_fini(struct told *t)
{
	json_free(t->json);
	t->json = NULL;
}

/* Which decision was in force at that moment; before the first, that. */
static size_t place(const struct told *t)
{
	size_t i = 0;

	while (i + 1 < json_count(t->json) &&
	       json_get_time(json_item(t->json, i + 1), "at") <= t->now_ms)
		i++;
	return i;
}

static const struct json *look_at(const struct told *t)
{
	return json_item(t->json, place(t));
}

int told_tags(const struct alarm **a, const struct told *t,
	      struct arena *arena)
{
	const struct json *tags = json_get(look_at(t), "tags");
	size_t n = json_count(tags);
	struct alarm_pair *list;
	struct alarm *with;

	if (!n || (*a)->tag_count)
		return 0;
	list = arena_array(arena, n, sizeof(*list));
	with = arena_alloc(arena, sizeof(*with));
	if (!list || !with)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct json *pair = json_item(tags, i);

		list[i].name = arena_str(arena, json_str(json_item(pair, 0)));
		list[i].value = arena_str(arena, json_str(json_item(pair, 1)));
	}
	*with = **a;
	alarm_set_tags(with, list, n);
	*a = with;
	return arena_error(arena);
}

static bool failed(const struct json *answer)
{
	return json_bool(json_get(answer, "failed"), false);
}

static enum ci_answer give_ci(struct ci *out, struct arena *arena,
			      const struct json *x)
{
	const struct json *fields = json_get(x, "fields");
	size_t n = json_count(fields);
	struct field *list = n ? arena_array(arena, n, sizeof(*list)) : NULL;

	if (failed(x))
		return CI_FAILED;
	*out = (struct ci){ .id = arena_str(arena, json_get_str(x, "id")),
			    .name = json_get_str(x, "name") };
	if (!out->id.n)
		return CI_NONE;
	out->name = out->name.n ? arena_str(arena, out->name) : STR_NONE;
	for (size_t i = 0; list && i < n; i++) {
		const struct json *pair = json_item(fields, i);

		list[i].name = arena_str(arena, json_str(json_item(pair, 0)));
		list[i].value = arena_str(arena, json_str(json_item(pair, 1)));
	}
	out->fields = list;
	out->field_count = list ? n : 0;
	return CI_FOUND;
}

enum ci_answer told_ci(struct ci *out, struct arena *arena, struct str field,
		       struct str value, void *arg)
{
	const struct told *t = arg;
	const struct json *cis = json_get(look_at(t), "cis");

	for (size_t i = 0; i < json_count(cis); i++) {
		const struct json *x = json_item(cis, i);

		if (str_eq(json_get_str(x, "field"), field) &&
		    str_eq(json_get_str(x, "value"), value))
			return give_ci(out, arena, x);
	}
	if (!t->ci_id.n)
		return CI_NONE;
	*out = (struct ci){ .id = arena_str(arena, t->ci_id) };
	return out->id.p ? CI_FOUND : CI_NONE;
}

/* What a question about other states would have found is known only where
 * what was found is in them. */
static bool answers(const struct json *x, const struct str *states,
		    size_t count)
{
	const struct json *asked = json_get(x, "states");

	if (json_get_str(x, "id").n)
		return changes_wanted(json_get_str(x, "state"), states,
				      count);
	if (json_count(asked) != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!str_eq(json_str(json_item(asked, i)), states[i]))
			return false;
	return true;
}

enum ci_answer told_change(struct rule_change *out, struct arena *arena,
			   struct str ci_id, const struct str *states,
			   size_t count, void *arg)
{
	const struct told *t = arg;
	const struct json *look = look_at(t);
	const struct json *list = json_get(look, "changes");

	/* Nobody wrote down how it ended. */
	if (look && t->now_ms - json_get_time(look, "at") > DAY_MS)
		list = NULL;
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *x = json_item(list, i);

		if (!str_eq(json_get_str(x, "ci_id"), ci_id) ||
		    !answers(x, states, count))
			continue;
		if (failed(x))
			return CI_FAILED;
		out->id = arena_str(arena, json_get_str(x, "id"));
		out->title = arena_str(arena, json_get_str(x, "title"));
		out->state = arena_str(arena, json_get_str(x, "state"));
		return out->id.n ? CI_FOUND : CI_NONE;
	}
	if (t->unknown)
		++*t->unknown;
	return CI_NONE;
}

struct silences *told_silences(const struct told *t, const char *source)
{
	const struct json *look = look_at(t);
	const struct json *s = json_get(look, "silence");
	const struct json *next = json_item(t->json, place(t) + 1);
	struct buf match = BUF_INIT(256);
	struct silence one = { .id = json_get_str(s, "id"),
			       .begins_ms = json_get_time(look, "at") };
	struct silences *out = NULL;

	if (s && !clock_parse(&one.ends_ms, json_get_str(s, "until"))) {
		struct str about = json_get_str(s, "about");

		buf_puts(&match, "{source: ");
		jsonw_put_quoted(&match, str_from(source));
		buf_putc(&match, '}');
		one.match = buf_str(&match);
		if (str_cut(&about, ':', &one.owner))
			one.reason = str_trim(about);
		if (one.begins_ms > t->now_ms)
			one.begins_ms = t->now_ms;
		/* Whatever ended it, it was decided again then. */
		if (next && json_get_time(next, "at") < one.ends_ms)
			one.ends_ms = json_get_time(next, "at");
		if (!buf_error(&match))
			out = silences_new(&one, 1);
	}
	buf_fini(&match);
	return out;
}
