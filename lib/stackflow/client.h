#ifndef STACKFLOW_CLIENT_H
#define STACKFLOW_CLIENT_H

#include "base/arena.h"
#include "doc/json.h"
#include "rest/rest.h"
#include "stackflow/auth.h"
#include "stackflow/limits.h"
#include "stackflow/stackflow.h"

/* What a kind of call promises and how its answers are judged. */
enum sf_kind {
	SF_HEALTH, SF_CREATE, SF_GET, SF_UPDATE, SF_NOTE, SF_LIST,
};

#define SF_BODY_MAX (4u << 20)
#define SF_KEY_MAX 255

struct sf_call_spec {
	enum sf_kind kind;
	const char *method;
	struct str path;	/* after base_url, encoded */
	struct str body;	/* JSON, or STR_NONE */
	const char *key;	/* Idempotency-Key, or NULL */
	struct str id;		/* the record in question */
	unsigned timeout_ms;	/* 0: the client's */
};

struct sf_call;

/* The client's calls in one order; a ring around an empty head. */
struct sf_link {
	struct sf_link *next, *prev;
};

struct sf_client {
	struct rest *rest;
	char *base_url;
	unsigned concurrency, timeout_ms, active;
	bool told;			/* the time, at least once */
	struct sf_limits limits;
	struct sf_authn auth;
	struct sf_link queue;		/* wait for a token or their turn */
	struct sf_link flying;
	struct arena *arena;		/* of one answer */
	uint64_t requests, answered_2xx, answered_429, answered_5xx;
};

int sf_call_start(struct sf_client *c, const struct sf_call_spec *spec,
		  sf_done *done, void *arg);

/* GET resource?query&next; query may be NULL or "", next STR_NONE. */
int sf_list_start(struct sf_client *c, const char *resource, const char *query,
		  struct str next, sf_done *done, void *arg);
int sf_list_within(struct sf_client *c, const char *resource,
		   const char *query, struct str next, unsigned timeout_ms,
		   sf_done *done, void *arg);

/*
 * Judge one answer. out->body is a part of *root, which is for json_free;
 * problem stands in words, an id in arena. asked: the path's id or STR_NONE.
 */
void sf_judge(struct sf_result *out, struct json **root, struct buf *words,
	      enum sf_kind kind, struct str asked,
	      const struct rest_response *r, const struct sf_authn *auth,
	      struct arena *arena);

#endif
