#include <errno.h>

#include "stackflow/bulk.h"
#include "stackflow/client.h"

#define WHERE_MAX 2048

/* How many records body is for; negative: it can't be sent. */
static int records_in(struct str body)
{
	struct json *v;
	size_t ids, records;
	int rc = json_parse(&v, body, 0, NULL);

	if (rc)
		return rc;
	ids = json_count(json_get(v, "ids"));
	records = json_count(json_get(v, "records"));
	rc = json_is(v, JSON_OBJECT) ? 0 : -EINVAL;
	json_free(v);
	if (rc)
		return rc;
	if (ids > SF_BULK_MAX || records > SF_BULK_MAX)
		return -E2BIG;
	return (int)(ids > records ? ids : records);
}

int sf_bulk_start(struct sf_client *c, const struct sf_bulk_path *to,
		  struct str json, unsigned records, const char *key,
		  sf_done *done, void *arg)
{
	const struct sf_call_spec spec = {
		.kind = SF_BULK,
		.class = SF_CLASS_BULK,
		.method = "POST",
		.path = str_from(to->path),
		.body = json,
		.key = key,
		.action = to->action,
		.records = records,
	};

	return sf_call_start(c, &spec, done, arg);
}

static int start(struct sf_client *c, const struct sf_bulk_path *to,
		 struct str json, const char *key, sf_done *done, void *arg)
{
	int n = records_in(json);

	return n < 0 ? n : sf_bulk_start(c, to, json, (unsigned)n, key, done,
					 arg);
}

const struct sf_bulk_path sf_bulk_incidents = { "/incidents/bulk",
						"incident.bulk" };
const struct sf_bulk_path sf_bulk_items = { "/cmdb/cis/bulk", "ci.bulk" };

int sf_incident_bulk(struct sf_client *c, struct str json, const char *key,
		     sf_done *done, void *arg)
{
	return start(c, &sf_bulk_incidents, json, key, done, arg);
}

int sf_ci_bulk(struct sf_client *c, struct str json, const char *key,
	       sf_done *done, void *arg)
{
	return start(c, &sf_bulk_items, json, key, done, arg);
}

size_t sf_host_end(struct str url)
{
	ssize_t scheme = str_find(url, STR("://"));
	size_t i = scheme < 0 ? 0 : (size_t)scheme + 3;

	while (i < url.n && url.p[i] != '/' && url.p[i] != '?')
		i++;
	return i;
}

static bool starts(struct str s, struct str with)
{
	return s.n >= with.n && memcmp(s.p, with.p, with.n) == 0;
}

static struct str behind(struct str s, size_t n)
{
	return str_sub(s, n, s.n - n);
}

/* Is s this path, or one beneath it? */
static bool beneath(struct str s, struct str path)
{
	return starts(s, path) &&
	       (s.n == path.n || s.p[path.n] == '/' || s.p[path.n] == '?');
}

/*
 * The pages write paths as they are beneath base_url ("/incidents"), and with
 * the end of base_url's own ("/api/ai/ask" for ".../prod/api"): a path that
 * isn't base_url's whole one is read so.
 */
static struct str path_behind(struct str base, struct str path)
{
	for (size_t i = 0; i < base.n; i++) {
		struct str end = behind(base, i);

		if (base.p[i] == '/' && beneath(path, end))
			return behind(path, end.n);
	}
	return path;
}

static int job_path(struct sf_call_spec *spec, struct buf *path,
		    const struct sf_client *c, const char *started,
		    struct str where)
{
	struct str base = str_from(c->base_url);
	size_t host = sf_host_end(base);

	if (where.n == 0 || where.n > WHERE_MAX)
		return -EINVAL;
	if (sf_id_usable(where)) {
		const char *at = c->jobs_path ? c->jobs_path : started;
		struct str s = str_from(at);

		while (s.n && s.p[s.n - 1] == '/')
			s.n--;
		buf_printf(path, "%s%.*s/%.*s", at[0] == '/' ? "" : "/",
			   STR_ARG(s), STR_ARG(where));
	} else if (starts(where, base) && beneath(where, base)) {
		buf_put_str(path, behind(where, base.n));
	} else if (str_starts(where, "//")) {
		return -EINVAL;
	} else if (where.p[0] == '/') {
		buf_put_str(path, path_behind(behind(base, host), where));
	} else if (starts(where, str_sub(base, 0, host)) &&
		   where.n > host && where.p[host] == '/') {
		spec->from_host = true;
		buf_put_str(path, behind(where, host));
	} else {
		return -EINVAL;
	}
	return buf_error(path);
}

int sf_job_get(struct sf_client *c, const char *path, struct str where,
	       sf_done *done, void *arg)
{
	struct sf_call_spec spec = { .kind = SF_JOB, .method = "GET" };
	struct buf text = BUF_INIT(2 * WHERE_MAX);
	int rc = job_path(&spec, &text, c, path, where);

	spec.path = buf_str(&text);
	if (rc == 0)
		rc = sf_call_start(c, &spec, done, arg);
	buf_fini(&text);
	return rc;
}
