#include "agent/sandbox/settings.h"

#include <errno.h>

#include "agent/sandbox/sandbox.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define DAY_MS ((int64_t)86400000)

static const struct setting {
	const char *name;
	const char *words;	/* "a|b|c" for 0, 1, 2; NULL: a number */
	int64_t first, min, max;
	const char *help;
} table[BOX_SETTINGS] = {
	[BOX_RATE] = { "rate", NULL, 100, 0, 1000000,
		"requests a second a user, in every window; 0: no limit" },
	[BOX_TOKEN_LIFE] = { "token_life", NULL, 3600, 1, 86400,
		"seconds that an issued token is good for" },
	[BOX_LATE] = { "late", NULL, 0, 0, 3600000,
		"ms until a new incident shows in list and GET" },
	[BOX_CLOCK] = { "clock", NULL, 0, -400 * DAY_MS, 400 * DAY_MS,
		"ms that StackFlow's clock is ahead of this one" },
	[BOX_PAGING] = { "paging", "page|cursor", BOX_PAGING_PAGE, 0, 0,
		"how lists go on: has_more, next_cursor" },
	[BOX_ORDER] = { "order", "newest|oldest|shuffled", BOX_ORDER_NEWEST,
		0, 0, "the order of lists" },
	[BOX_LIST_DESCRIPTION] = { "list_description", "off|on", 1, 0, 0,
		"do list rows carry the description" },
	[BOX_NOTES] = { "notes", "off|on", 1, 0, 0,
		"does GET /incidents/{id} carry the notes" },
	[BOX_SNS_RETRIES] = { "sns_retries", NULL, 3, 0, 100,
		"how often SNS tries again" },
	[BOX_SNS_DELAY] = { "sns_delay", NULL, 20000, 0, 3600000,
		"ms between SNS's tries" },
	[BOX_SNS_TIMEOUT] = { "sns_timeout", NULL, 15000, 10, 60000,
		"ms that SNS waits for an answer" },
	[BOX_SNS_CONCURRENCY] = { "sns_concurrency", NULL, 64, 1, 1024,
		"deliveries under way at once" },
	[BOX_SNS_VERSION] = { "sns_version", NULL, 1, 1, 2,
		"SignatureVersion of new ones: 1 SHA-1, 2 SHA-256" },
	[BOX_SNS_HOLD] = { "sns_hold", "off|on", 0, 0, 0,
		"on: queue, and deliver all at once when off" },
	[BOX_JOB_TIME] = { "job_time", NULL, 0, 0, 86400000,
		"ms that a bulk job takes: queued, running, completed" },
	[BOX_JOB_FAIL] = { "job_fail", NULL, 0, 0, 100,
		"every so many records of a bulk job fails; 0: none" },
	[BOX_JOB_ANSWER] = { "job_answer", "url|location|id", BOX_JOB_URL, 0,
		0, "how a bulk job is named: status_url and job_id, only a "
		   "Location, only a job_id" },
	[BOX_ASK_RATE] = { "ask_rate", NULL, 60, 0, 1000,
		"/ai/ask and /ai/query a minute a user; 0: no limit" },
	[BOX_ANALYZE_RATE] = { "analyze_rate", NULL, 30, 0, 1000,
		"the same of /ai/analyze" },
	[BOX_EXEMPLARS_RATE] = { "exemplars_rate", NULL, 120, 0, 1000,
		"the same of /ai/exemplars" },
	[BOX_SUGGEST_RATE] = { "suggest_rate", NULL, 120, 0, 1000,
		"the same of /ai/suggest" },
	[BOX_ASK_CACHE] = { "ask_cache", NULL, 3600, 0, 86400,
		"seconds that an answer of /ai/ask is served again; 0: not" },
	[BOX_ANALYZE_CACHE] = { "analyze_cache", NULL, 1800, 0, 86400,
		"the same of /ai/analyze, by record" },
	[BOX_EXEMPLARS_CACHE] = { "exemplars_cache", NULL, 900, 0, 86400,
		"the same of /ai/exemplars" },
	[BOX_SUGGEST_CACHE] = { "suggest_cache", NULL, 300, 0, 86400,
		"the same of /ai/suggest" },
	[BOX_AI_WINDOW] = { "ai_window", NULL, 60000, 100, 3600000,
		"ms of the AI limits' minute" },
	[BOX_AI_LATENCY] = { "ai_latency", NULL, 0, 0, 600000,
		"ms that an AI answer takes that isn't served again" },
	[BOX_REFRESH_ROTATION] = { "refresh_rotation", "off|on|strict",
		BOX_ROTATION_OFF, 0, 0,
		"a refresh token is good for one use; strict: only by "
		"GetTokensFromRefreshToken" },
	[BOX_CHALLENGE] = { "challenge",
		"none|NEW_PASSWORD_REQUIRED|SOFTWARE_TOKEN_MFA|SMS_MFA|"
		"EMAIL_OTP|MFA_SETUP|SELECT_MFA_TYPE|"
		"PasswordResetRequiredException|UserNotConfirmedException|"
		"disabled|attempts_exceeded|flow_not_enabled|"
		"TooManyRequestsException", 0, 0, 0,
		"what a right password is answered with instead of tokens" },
	[BOX_SECRET_HASH] = { "secret_hash", "off|on", 0, 0, 0,
		"on: InitiateAuth wants the client's SECRET_HASH" },
	[BOX_RECORD_BODY] = { "record_body", NULL, 16384, 0, 1048576,
		"bytes of a body that are recorded" },
};

void box_settings_init(struct box_settings *s)
{
	for (int i = 0; i < BOX_SETTINGS; i++)
		atomic_init(&s->value[i], table[i].first);
}

int64_t box_setting(const struct box_settings *s, enum box_setting which)
{
	return atomic_load_explicit(&s->value[which], memory_order_relaxed);
}

/* The n-th word, false past the last. */
static bool word(struct str *out, const char *words, int64_t n)
{
	struct str rest = str_from(words);

	while (str_cut(&rest, '|', out))
		if (n-- == 0)
			return true;
	return false;
}

static int read_value(int64_t *out, const struct setting *set, struct str text,
		      struct err *err)
{
	struct str w;
	int64_t v;

	if (set->words) {
		for (v = 0; word(&w, set->words, v); v++)
			if (str_eq(w, text)) {
				*out = v;
				return 0;
			}
		return err_set(err, -EINVAL, "%s: expected %s, found \"%.*s\"",
			       set->name, set->words, STR_ARG(text));
	}
	if (str_to_i64(&v, text) || v < set->min || v > set->max)
		return err_set(err, -EINVAL,
			       "%s: expected %lld to %lld, found \"%.*s\"",
			       set->name, (long long)set->min,
			       (long long)set->max, STR_ARG(text));
	*out = v;
	return 0;
}

static int find(struct str name, struct err *err)
{
	for (int i = 0; i < BOX_SETTINGS; i++)
		if (str_is(name, table[i].name))
			return i;
	return err_set(err, -EINVAL, "no setting \"%.*s\"", STR_ARG(name));
}

int box_settings_set_text(struct box_settings *s, struct str text,
			  struct err *err)
{
	struct str name = STR_NONE;
	int64_t v = 0;
	int i, ret;

	str_cut(&text, '=', &name);
	i = find(name, err);
	if (i < 0)
		return i;
	ret = read_value(&v, &table[i], text, err);
	if (!ret)
		atomic_store(&s->value[i], v);
	return ret;
}

int box_settings_set_json(struct box_settings *s, const struct json *object,
			  struct err *err)
{
	struct arena *a = arena_new(64 << 10);
	int64_t values[BOX_SETTINGS];
	bool given[BOX_SETTINGS] = { false };
	const struct json *v;
	struct str key;
	void *at = NULL;
	int ret = 0;

	if (!a || !json_is(object, JSON_OBJECT))
		ret = err_set(err, -EINVAL, "expected an object of settings");
	while (!ret && json_next(object, &at, &key, &v)) {
		int i = find(key, err);

		ret = i < 0 ? i : read_value(&values[i], &table[i],
					     json_text(v, a), err);
		if (!ret)
			given[i] = true;
	}
	for (int i = 0; !ret && i < BOX_SETTINGS; i++)
		if (given[i])
			atomic_store(&s->value[i], values[i]);
	arena_free(a);
	return ret;
}

void box_settings_put(struct buf *out, const struct box_settings *s)
{
	struct jsonw w = JSONW(out);
	struct str name;

	jsonw_object(&w);
	for (int i = 0; i < BOX_SETTINGS; i++) {
		int64_t v = box_setting(s, i);

		if (table[i].words && word(&name, table[i].words, v))
			jsonw_kstr(&w, table[i].name, name);
		else
			jsonw_kint(&w, table[i].name, v);
	}
	jsonw_end_object(&w);
}

/* "first; a|b)", many of them so that a line can be broken. */
static void put_words(struct buf *out, struct str first, const char *words)
{
	struct str rest = str_from(words), w;
	const char *between = rest.n > 40 ? ", " : "|", *sep = "; ";

	buf_put_str(out, first);
	while (str_cut(&rest, '|', &w)) {
		buf_printf(out, "%s%.*s", sep, STR_ARG(w));
		sep = between;
	}
	buf_puts(out, ")\n");
}

void sandbox_put_settings_help(struct buf *out)
{
	struct str name;

	for (int i = 0; i < BOX_SETTINGS; i++) {
		const struct setting *set = &table[i];

		buf_printf(out, "  %-16s %s (", set->name, set->help);
		if (set->words && word(&name, set->words, set->first))
			put_words(out, name, set->words);
		else
			buf_printf(out, "%lld)\n", (long long)set->first);
	}
}
