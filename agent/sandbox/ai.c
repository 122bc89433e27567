#include "agent/sandbox/ai.h"

#include <errno.h>
#include <stdarg.h>

#include "agent/sandbox/ai_cache.h"
#include "agent/sandbox/form.h"
#include "agent/sandbox/records.h"
#include "base/clock.h"
#include "base/encode.h"

#define PROMPT_BYTES 1200	/* what goes before a question */

static const struct {
	const char *alias, *id;
} models[] = {
	{ "claude-3-sonnet", "anthropic.claude-3-sonnet-20240229-v1:0" },
	{ "claude-3-haiku", "anthropic.claude-3-haiku-20240307-v1:0" },
	{ "claude-3-opus", "anthropic.claude-3-opus-20240229-v1:0" },
};

/* The first is the default. NULL: answered. */
static const char *find_model(struct ai *a)
{
	const struct json *v = json_get(a->body, "model");
	struct str name = json_str(v);

	if (!v)
		return models[0].id;
	for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++)
		if (str_is(name, models[i].alias))
			return models[i].id;
	ai_bad(a, "model: expected claude-3-haiku, claude-3-sonnet or "
		  "claude-3-opus");
	return NULL;
}

bool ai_begin(struct ai *a, struct call *c, enum box_ai kind)
{
	*a = (struct ai){ .c = c,
			  .kind = kind,
			  .key = BUF_INIT(1 << 20),
			  .said = BUF_INIT(8 << 20),
			  .read = PROMPT_BYTES };
	a->w = JSONW(&a->said);
	a->body = box_body(c);
	if (!a->body)
		return false;
	a->model = find_model(a);
	if (a->model) {
		buf_printf(&a->key, "%d|%s|", kind, a->model);
		return true;
	}
	ai_end(a);
	return false;
}

void ai_end(struct ai *a)
{
	json_free(a->body);
	buf_fini(&a->key);
	buf_fini(&a->said);
}

void ai_bad(struct ai *a, const char *fmt, ...)
{
	struct err err;
	struct buf text = BUF_INIT(sizeof(err.text) - 1);
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	err_set(&err, -EINVAL, "%.*s", STR_ARG(buf_str(&text)));
	box_reply_error(a->c->reply, 400, "validation", "%s", err.text);
	buf_fini(&text);
}

struct str ai_want(struct ai *a, const char *name)
{
	const struct json *v = json_get(a->body, name);
	struct str text = json_str(v);

	if (!v)
		ai_bad(a, "%s is required", name);
	else if (!text.p)
		ai_bad(a, "%s must be text", name);
	else if (!str_trim(text).n)
		ai_bad(a, "%s is empty", name);
	else if (text.n > AI_TEXT_MAX)
		ai_bad(a, "%s: at most %d bytes", name, AI_TEXT_MAX);
	else
		return text;
	return STR_NONE;
}

int64_t ai_number(struct ai *a, const char *name, int64_t def, int64_t max)
{
	const struct json *v = json_get(a->body, name);
	int64_t n = json_int(v, 0);

	if (!v)
		return def;
	if (json_is(v, JSON_NUMBER) && n >= 1 && n <= max &&
	    json_double(v, 0) == (double)n)
		return n;
	ai_bad(a, "%s: expected a whole number from 1 to %lld", name,
	       (long long)max);
	return -1;
}

bool ai_incident(struct box_case *out, struct ai *a, struct str id)
{
	struct call *c = a->c;
	struct err err;
	int ret = box_case_get(out, c->s->records, box_id_read(id, "INC"),
			       c->now_ms, c->arena, &err);

	if (ret < 0)
		box_broken(c, &err);
	else if (ret)
		box_reply_error(c->reply, 404, "not_found", "No incident %.*s",
				(int)utf8_cut(id, 64).n, id.p);
	return ret == 0;
}

void ai_key_words(struct ai *a, const struct box_words *words)
{
	buf_put(&a->key, words->list, words->n * sizeof(*words->list));
	buf_putc(&a->key, '|');
}

void ai_put_share(struct jsonw *w, const char *key, double v)
{
	jsonw_key(w, key);
	buf_printf(w->out, "%.2f", v < 0 ? 0 : v > 1 ? 1 : v);
	w->comma = 1;
}

/* said, as the members of one object, and what it cost. */
static void put(struct ai *a, struct str said, bool hit)
{
	struct call *c = a->c;
	struct jsonw w = JSONW(&c->reply->body);
	int64_t tokens = (int64_t)(a->read + said.n) / 4;

	jsonw_object(&w);
	buf_put_str(w.out, said);
	w.comma = said.n > 0;
	jsonw_kcstr(&w, "model_used", a->model);
	jsonw_kbool(&w, "cache_hit", hit);
	jsonw_kint(&w, "tokens_used", hit ? 0 : tokens);
	jsonw_kint(&w, "latency_ms",
		   (clock_mono_us() - c->start_us + 500) / 1000);
	jsonw_end_object(&w);
}

bool ai_known(struct ai *a)
{
	struct call *c = a->c;
	bool known = !buf_error(&a->key) &&
		     box_cache_get(&a->said, c->s->cache, buf_str(&a->key),
				   c->now_ms);

	if (known) {
		put(a, buf_str(&a->said), true);
		ai_end(a);
	}
	return known;
}

void ai_answer(struct ai *a)
{
	struct call *c = a->c;
	int64_t cache_s = box_setting(&c->s->settings, BOX_ASK_CACHE + a->kind);

	wire_sleep(c->s->wire, box_setting(&c->s->settings, BOX_AI_LATENCY));
	if (cache_s && !buf_error(&a->key) && !buf_error(&a->said))
		box_cache_put(c->s->cache, buf_str(&a->key),
			      buf_str(&a->said), c->now_ms + cache_s * 1000);
	put(a, buf_str(&a->said), false);
	ai_end(a);
}

const struct route box_ai_routes[] = {
	{ "POST", "/ai/ask", ai_ask },
	{ "POST", "/ai/query", ai_ask },
	{ "POST", "/ai/analyze", ai_analyze },
	{ "POST", "/ai/exemplars", ai_exemplars },
	{ "POST", "/ai/suggest", ai_suggest },
	{ 0 },
};
