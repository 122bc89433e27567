#include "agent/deliver/internal.h"

#include <stdlib.h>

#include "agent/log.h"
#include "base/clock.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define CHECK_MS 1000
#define LOOK_AT 200

/* What people read: the create's own words, in a form chat tools take. */
static void put_body(struct buf *out, const struct deliver *d,
		     const struct op *op, int64_t now_ms)
{
	struct json *fields = NULL;
	struct jsonw w = JSONW(out);
	struct buf text = BUF_INIT(4096);
	struct str what;

	if (json_parse(&fields, op->body, 0, NULL))
		fields = NULL;
	what = json_get_str(fields, "short_description");
	buf_printf(&text, "P%d: %.*s. StackFlow can't be reached since ",
		   op->priority, STR_ARG(what));
	clock_put_span(&text, now_ms - op->created_ms);
	buf_puts(&text, "; the incident will be opened when it answers.");
	jsonw_object(&w);
	jsonw_kstr(&w, "text", buf_str(&text));
	jsonw_kstr(&w, "short_description", what);
	jsonw_kstr(&w, "description", json_get_str(fields, "description"));
	jsonw_kint(&w, "priority", op->priority);
	jsonw_ktime(&w, "since", op->created_ms);
	jsonw_kcstr(&w, "problem", d->state.problem);
	jsonw_end_object(&w);
	buf_fini(&text);
	json_free(fields);
}

static int tell(struct deliver *d, const struct op *late, struct arena *arena,
		int64_t now_ms)
{
	struct str key = arena_printf(arena, "fallback/%lld",
				      (long long)late->id), old;
	struct buf body = BUF_INIT(256 << 10);
	struct op op = {
		.kind = OP_FALLBACK,
		.state = OP_READY,
		.priority = late->priority,
		.created_ms = now_ms,
		.not_before_ms = now_ms,
		.events = late->events,
	};
	struct store_write writes[] = {
		{ .kind = WRITE_OP, .op = &op },
		{ .kind = WRITE_META, .key = key, .value = STR("1") },
	};
	int rc = store_meta(&old, d->reader, key, arena);

	if (rc)
		return rc < 0 ? rc : 0;
	put_body(&body, d, late, now_ms);
	op.body = buf_str(&body);
	rc = store_commit(d->agent->store, writes, 2);
	buf_fini(&body);
	if (!rc)
		LOG(WARNING, "StackFlow can't be reached: telling people "
			     "another way", LFN("op", late->id),
		    LFN("priority", late->priority));
	d->due_ms = 0;
	return rc;
}

/*
 * P1 and P2 (or what the configuration names) that wait longer than
 * fallback.after while StackFlow fails are told to people, once each.
 */
void fallback_check(struct deliver *d, int64_t now_ms)
{
	const struct conf *c = d->conf;
	int64_t mono = clock_mono_ms();
	struct store_page page = { .limit = LOOK_AT };
	struct op *ops;
	struct arena *arena;
	int n;

	if (!c->stackflow.fallback.webhook || mono < d->fallback_ms)
		return;
	d->fallback_ms = mono + CHECK_MS;
	if (!d->failing_since_ms ||
	    mono - d->failing_since_ms < c->stackflow.fallback.after_ms)
		return;
	arena = arena_new(64 << 20);
	ops = calloc(LOOK_AT, sizeof(*ops));
	n = arena && ops ? store_list_ops(ops, d->reader, OP_READY, &page,
					  arena) : 0;
	for (int i = 0; i < n; i++)
		if (ops[i].kind == OP_CREATE &&
		    c->stackflow.fallback.priority[ops[i].priority] &&
		    now_ms - ops[i].created_ms >=
			    c->stackflow.fallback.after_ms)
			(void)!tell(d, &ops[i], arena, now_ms);
	free(ops);
	arena_free(arena);
}
