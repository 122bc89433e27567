#include "agent/admin/api.h"

#include "agent/audit.h"
#include "agent/rules.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/jsonw.h"

/* As a form's: a plus stands for a blank. */
static int decode(struct buf *out, struct str text)
{
	struct buf plain = BUF_INIT(16384);
	int rc;

	buf_put_str(&plain, text);
	for (size_t i = 0; i < plain.n; i++)
		if (plain.p[i] == '+')
			plain.p[i] = ' ';
	buf_reset(out);
	rc = decode_url(out, buf_str(&plain));
	buf_fini(&plain);
	return rc ? rc : buf_error(out);
}

struct str api_param(const struct web_request *req, const char *name,
		     struct arena *arena)
{
	struct str rest = req->query, pair, key;
	struct buf value = BUF_INIT(4096);
	struct str out = STR_NONE;

	while (!out.p && str_cut(&rest, '&', &pair)) {
		if (!str_cut(&pair, '=', &key) || !str_is(key, name) ||
		    !pair.p || decode(&value, pair))
			continue;
		out = arena_str(arena, buf_str(&value));
	}
	buf_fini(&value);
	return out;
}

static void put_windows(struct jsonw *w, const struct ruleset *rules)
{
	jsonw_key(w, "windows");
	jsonw_array(w);
	for (size_t i = 0; i < ruleset_windows(rules); i++) {
		struct rule_window x;

		ruleset_window(rules, i, clock_wall_ms(), &x);
		jsonw_object(w);
		jsonw_kcstr(w, "file", x.file);
		jsonw_kint(w, "line", x.line);
		jsonw_kcstr(w, "team", x.team);
		jsonw_kcstr(w, "window", x.name);
		jsonw_kcstr(w, "owner", x.owner);
		jsonw_kbool(w, "inside", x.inside);
		jsonw_ktime(w, "begins_at", x.begins_ms);
		jsonw_ktime(w, "ends_at", x.ends_ms);
		jsonw_ktime(w, "until", x.until_ms);
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
}

void api_rules(struct agent *a, const struct web_request *req, struct str arg,
	       struct api_answer *r)
{
	struct ruleset *rules = agent_rules(a);
	struct jsonw w = JSONW(&r->out);

	(void)req;
	(void)arg;
	jsonw_object(&w);
	jsonw_kcstr(&w, "hash", ruleset_hash(rules));
	jsonw_key(&w, "files");
	jsonw_array(&w);
	pthread_mutex_lock(&a->snapshot_lock);
	for (size_t i = 0; i < rule_states_count(a->rule_states); i++) {
		struct rule_state s;

		rule_states_get(a->rule_states, i, &s);
		jsonw_object(&w);
		jsonw_kcstr(&w, "file", s.file);
		jsonw_kcstr(&w, "path", s.path);
		jsonw_kbool(&w, "stale", s.stale);
		jsonw_kbool(&w, "missing", s.missing);
		jsonw_end_object(&w);
	}
	pthread_mutex_unlock(&a->snapshot_lock);
	jsonw_end_array(&w);
	jsonw_key(&w, "policies");
	jsonw_array(&w);
	for (size_t i = 0; i < ruleset_hits(rules); i++) {
		struct rule_hit h;

		ruleset_hit(rules, i, &h);
		jsonw_object(&w);
		jsonw_kcstr(&w, "file", h.file);
		jsonw_kint(&w, "line", h.line);
		jsonw_kcstr(&w, "team", h.team);
		jsonw_kcstr(&w, "policy", h.policy);
		jsonw_kint(&w, "hits", (int64_t)h.hits);
		jsonw_end_object(&w);
	}
	jsonw_end_array(&w);
	put_windows(&w, rules);
	jsonw_end_object(&w);
	buf_putc(&r->out, '\n');
	ruleset_free(rules);
}

void api_reload(struct agent *a, const struct web_request *req, struct str arg,
		struct api_answer *r)
{
	struct buf who = BUF_INIT(512);
	struct faults faults;

	(void)arg;
	faults_init(&faults);
	if (agent_reload(a, &faults))
		r->status = 422;
	audit_who(&who, req);
	audit_reload(a, r->status == 200, faults.count, buf_str(&who));
	buf_fini(&who);
	buf_printf(&r->out, "{\"reloaded\":%s,\"faults\":",
		   r->status == 200 ? "true" : "false");
	faults_put_json(&r->out, &faults);
	buf_puts(&r->out, "}\n");
	faults_fini(&faults);
}
