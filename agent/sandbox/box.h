#ifndef AGENT_SANDBOX_BOX_H
#define AGENT_SANDBOX_BOX_H

#include "agent/sandbox/sandbox.h"
#include "agent/sandbox/settings.h"
#include "agent/sandbox/tokens.h"
#include "agent/sandbox/wire.h"
#include "base/arena.h"

struct box_cache;
struct box_counts;
struct box_jobs;
struct box_mischief;
struct box_recorder;
struct box_records;
struct box_signer;
struct box_sns;
struct json;
struct web;

/* The parts of a running sandbox, for the files that answer its requests. */
struct sandbox {
	struct box_settings settings;
	struct box_records *records;
	struct box_mischief *mischief;
	struct box_tokens *tokens;
	struct box_counts *counts;
	struct box_signer *signer;
	struct box_sns *sns;
	struct box_jobs *jobs;
	struct box_cache *cache;	/* answers of the AI */
	struct box_recorder *recorder;
	struct wire *wire;
	struct web *web;
	int lock_fd;
	char *data, *region, *account;	/* data: an absolute path */
	char url[128], sns_url[128];	/* http://..., https://... */
};

/* One request on its way to an answer. */
struct call {
	struct sandbox *s;
	const struct wire_request *req;
	struct wire_reply *reply;
	struct arena *arena;
	struct str path;	/* beneath /prod/api, without /v1 */
	struct str id;		/* what stood for {id} in the path */
	int64_t now_ms, late_ms;
	int64_t start_us;	/* by the clock that never goes back */
	enum box_user user;
	struct box_rate rate;	/* what X-RateLimit-* will say */
};

struct route {
	const char *method, *path;	/* "/incidents/{id}" */
	void (*fn)(struct call *c);
};

/* The route of method and path, and *id; NULL: none, *known: another method
 * has it. */
const struct route *box_route(struct str *id, bool *known,
			      const struct route *list, struct str method,
			      struct str path);

/* The body as a JSON object; NULL and 400 in the reply where it isn't one. */
struct json *box_body(struct call *c);
/* A decoded query parameter; STR_NONE where absent. */
struct str box_param(struct call *c, const char *name);
int64_t box_param_int(struct call *c, const char *name, int64_t def,
		      int64_t min, int64_t max);
/* The cursor of a list: 1, 0 none is given, -1 not one of ours, answered. */
int box_param_cursor(int64_t *out, struct call *c);
/* 500 or 400 with the words of err; or 200 without news. */
void box_broken(struct call *c, const struct err *err);
void box_bad(struct call *c, const struct err *err);
void box_done(struct call *c);

/* StackFlow's API beneath /prod/api and /prod/api/v1, faults included. */
void box_api(struct call *c, struct str path);
/* do_it, with the faults that are meant for path. */
void box_faulted(struct call *c, struct str path,
		 void (*do_it)(struct call *c));
/* What is posted to Cognito. */
void box_cognito(struct call *c);
/* Add or replace the CIs of a JSON array, or of an object's "cis". */
int box_cis_seed(struct box_records *records, struct str text,
		 struct err *err) MUST_CHECK;
/* One CI, under a new id where it has none; append its id. 0 or negative. */
int box_ci_put(struct buf *id, struct box_records *records,
	       const struct json *ci, struct err *err) MUST_CHECK;
/* The rest: /sandbox/..., Cognito and SNS on /, the page. */
void box_control(struct call *c);
void box_page_list(struct call *c);
void box_page_incident(struct call *c);
void box_page_text(struct call *c);
void box_page_article(struct call *c);

/* Check and copy the fields of an incident into a JSON object. 0 or -EINVAL. */
int box_incident_fields(struct buf *out, const struct json *v, bool create,
			struct err *err) MUST_CHECK;
int box_change_fields(struct buf *out, const struct json *v, bool create,
		      struct err *err) MUST_CHECK;
/* What stands behind "tocsin-ref: " on a line of its own, the last one. */
struct str box_incident_marker(struct str description);

#define BOX_LIST 25		/* rows of a list, where none are asked for */
#define BOX_LIST_MAX 200

/* GET of a list of CIs or changes. */
void box_things_list(struct call *c, const char *kind);
/* A list's frame around rows, in the style that is set. */
void box_list_frame(struct call *c, struct str rows, int64_t total,
		    int64_t page, int64_t limit, bool more, int64_t last);

extern const struct route box_incident_routes[], box_job_routes[],
	box_change_routes[], box_ci_routes[], box_knowledge_routes[],
	box_ai_routes[], box_sns_routes[];

#endif
