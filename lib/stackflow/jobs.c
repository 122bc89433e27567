#include "stackflow/jobs.h"

#include "doc/json.h"
#include "stackflow/client.h"

/* An answer names each record once; a thousand names of a hundred records are
 * more than enough. */
#define ENTRIES_MAX 1000

enum sf_job_state sf_job_state(const struct json *body)
{
	static const char *const keys[] = { "status", "state", NULL };
	static const char *const ended[] = { "completed",
					     "complete",
					     "succeeded",
					     "success",
					     "done",
					     "finished",
					     "ended",
					     "completed_with_errors",
					     "partially_completed",
					     "partial",
					     "partial_success",
					     NULL };
	static const char *const broken[] = { "failed",	   "failure",
					      "error",	   "errored",
					      "cancelled", "canceled",
					      "aborted",   "expired",
					      "timed_out", "timeout",
					      NULL };
	struct str s = sf_row_str(body, keys);

	if (!s.n)
		s = sf_row_str(json_get(body, "job"), keys);
	if (sf_one_of(s, ended))
		return SF_JOB_ENDED;
	return sf_one_of(s, broken) ? SF_JOB_BROKEN : SF_JOB_RUNNING;
}

struct str sf_job_id(const struct json *body)
{
	static const char *const keys[] = { "job_id", "jobId", "id", NULL };
	struct str s = sf_row_str(body, keys);

	if (!s.n)
		s = sf_row_str(json_get(body, "job"), keys);
	return sf_id_usable(s) ? s : STR_NONE;
}

struct str sf_job_message(const struct json *v)
{
	static const char *const keys[] = { "message", "error", "reason",
					    "detail", NULL };
	struct str s = sf_row_str(v, keys);

	return s.n ? s : json_get_str(json_get(v, "error"), "message");
}

static const char *const failed_lists[] = { "failed", "errors", NULL };

static const struct json *list_of(const struct json *body, const char *key)
{
	const struct json *v = json_get(body, key);

	return json_is(v, JSON_ARRAY) ? v : NULL;
}

static int64_t at_most(int64_t v, size_t n)
{
	return v > (int64_t)n ? (int64_t)n : v;
}

void sf_job_count(struct sf_job_counts *out, const struct json *body, size_t n)
{
	int64_t processed = at_most(sf_row_count(body, "processed"), n);

	out->done = at_most(sf_row_count(body, "succeeded"), n);
	out->failed = at_most(sf_row_count(body, "failed"), n);
	for (size_t i = 0; failed_lists[i]; i++) {
		const struct json *list = list_of(body, failed_lists[i]);
		int64_t listed = at_most((int64_t)json_count(list), n);

		if (list && listed > out->failed)
			out->failed = listed;
	}
	/* What failed has been processed as well. */
	if (out->done < 0 && processed >= 0)
		out->done = out->failed > processed ? 0 :
			    out->failed > 0	    ? processed - out->failed :
						      processed;
	if (out->done > 0 && out->failed > 0 &&
	    out->done > (int64_t)n - out->failed)
		out->done = (int64_t)n - out->failed;
}

/* Which record an entry of a list is of; n: none that is known. */
static size_t which(const struct json *entry, const struct str *ids, size_t n)
{
	static const char *const keys[] = { "id", "record_id", "number",
					    "incident_id", NULL };
	const struct json *index = json_get(entry, "index");
	int64_t at = json_int(index, -1);
	struct str id = json_str(entry);

	if (json_is(index, JSON_NUMBER))
		return at >= 0 && at < (int64_t)n ? (size_t)at : n;
	if (!id.n)
		id = sf_row_str(entry, keys);
	for (size_t i = 0; ids && id.n && i < n; i++)
		if (str_eq(ids[i], id))
			return i;
	return n;
}

/* Does one entry of "results" tell of a failure? Its state may be the
 * record's own: only what says so does. */
static bool entry_failed(const struct json *entry)
{
	static const char *const keys[] = { "status", "outcome", "result",
					    NULL };
	static const char *const bad[] = { "failed",   "failure",   "error",
					   "rejected", "not_found", "invalid",
					   NULL };
	const struct json *error = json_get(entry, "error");
	const struct json *success = json_get(entry, "success");
	int64_t status = json_int(json_get(entry, "status"), 0);

	if (sf_one_of(sf_row_str(entry, keys), bad) || status >= 400)
		return true;
	if (json_is(success, JSON_BOOL))
		return !json_bool(success, true);
	return json_str(error).n || json_count(error);
}

static size_t entries(const struct json *list)
{
	size_t n = json_count(list);

	return n < ENTRIES_MAX ? n : ENTRIES_MAX;
}

void sf_job_each(const struct json *body, const struct str *ids, size_t n,
		 sf_job_named *named, void *arg)
{
	const struct json *results = list_of(body, "results");
	bool whole = json_count(results) == n;

	for (size_t k = 0; failed_lists[k]; k++) {
		const struct json *list = list_of(body, failed_lists[k]);

		for (size_t i = 0; i < entries(list); i++) {
			const struct json *entry = json_item(list, i);
			size_t at = which(entry, ids, n);

			if (at < n)
				named(at, true, sf_job_message(entry), arg);
		}
	}
	for (size_t i = 0; i < entries(results); i++) {
		const struct json *entry = json_item(results, i);
		size_t at = which(entry, ids, n);

		/* A list of all is in the order of what was sent. */
		if (at == n && whole)
			at = i;
		if (at < n)
			named(at, entry_failed(entry), sf_job_message(entry),
			      arg);
	}
}
