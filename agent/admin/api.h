#ifndef AGENT_ADMIN_API_H
#define AGENT_ADMIN_API_H

#include "agent/agent.h"
#include "web/web.h"

/*
 * One answer of the admin address: status and body are filled, in out. Who
 * must wait for it sets parked, and later calls api_send() from any thread.
 */
struct api_answer {
	struct web_exchange *x;
	int status;
	const char *type;
	const char *headers;
	struct buf own_headers;	/* where there are any: in place of headers and
				   of what every answer has */
	bool parked;
	struct buf out;
};

void api_answer_init(struct api_answer *r, struct web_exchange *x);
/* Ends r without an answer: another one is made for its exchange. */
void api_answer_fini(struct api_answer *r);
/* Ends r, and the exchange. */
void api_send(struct api_answer *r);

/* A row of the table: a method and a path, where `*` stands for one segment,
 * given as arg. */
struct api_route {
	const char *method, *path;
	void (*answer)(struct agent *a, const struct web_request *req,
		       struct str arg, struct api_answer *r);
	bool open;	/* the program's own text: told without a token */
};

/* ?name=value, decoded, in arena; STR_NONE where absent. */
struct arena;
struct str api_param(const struct web_request *req, const char *name,
		     struct arena *arena);

extern const struct api_route api_routes[];	/* ends with a NULL method */

struct jsonw;
void api_put_audit(struct jsonw *w, const struct store_audit *row);

/* {"error": text}; status as given. */
void api_error(struct api_answer *r, int status, const char *text);

void api_page(struct agent *, const struct web_request *, struct str,
	      struct api_answer *);
void api_page_css(struct agent *, const struct web_request *, struct str,
		  struct api_answer *);
void api_page_js(struct agent *, const struct web_request *, struct str,
		 struct api_answer *);
void api_healthz(struct agent *, const struct web_request *, struct str,
		 struct api_answer *);
void api_readyz(struct agent *, const struct web_request *, struct str,
		struct api_answer *);
void api_metrics(struct agent *, const struct web_request *, struct str,
		 struct api_answer *);
void api_status(struct agent *, const struct web_request *, struct str,
		struct api_answer *);
void api_incidents(struct agent *, const struct web_request *, struct str,
		   struct api_answer *);
void api_incident(struct agent *, const struct web_request *, struct str,
		  struct api_answer *);
void api_events(struct agent *, const struct web_request *, struct str,
		struct api_answer *);
void api_event(struct agent *, const struct web_request *, struct str,
	       struct api_answer *);
void api_event_timeline(struct agent *, const struct web_request *, struct str,
			struct api_answer *);
void api_event_explain(struct agent *, const struct web_request *, struct str,
		       struct api_answer *);
void api_series(struct agent *, const struct web_request *, struct str,
		struct api_answer *);
void api_live(struct agent *, const struct web_request *, struct str,
	      struct api_answer *);
void api_incident_note(struct agent *, const struct web_request *, struct str,
		       struct api_answer *);
void api_incident_resolve(struct agent *, const struct web_request *,
			  struct str, struct api_answer *);
void api_export(struct agent *, const struct web_request *, struct str,
		struct api_answer *);
void api_ruleset(struct agent *, const struct web_request *, struct str,
		 struct api_answer *);
void api_dead(struct agent *, const struct web_request *, struct str,
	      struct api_answer *);
void api_dead_retry(struct agent *, const struct web_request *, struct str,
		    struct api_answer *);
void api_dead_drop(struct agent *, const struct web_request *, struct str,
		   struct api_answer *);
void api_rules(struct agent *, const struct web_request *, struct str,
	       struct api_answer *);
void api_evidence(struct agent *, const struct web_request *, struct str,
		  struct api_answer *);
void api_drill(struct agent *, const struct web_request *, struct str,
	       struct api_answer *);
void api_drill_begin(struct agent *, const struct web_request *, struct str,
		     struct api_answer *);
void api_erase(struct agent *, const struct web_request *, struct str,
	       struct api_answer *);
void api_erase_state(struct agent *, const struct web_request *, struct str,
		     struct api_answer *);
void api_audit(struct agent *, const struct web_request *, struct str,
	       struct api_answer *);
void api_silences(struct agent *, const struct web_request *, struct str,
		  struct api_answer *);
void api_silence_add(struct agent *, const struct web_request *, struct str,
		     struct api_answer *);
void api_silence_extend(struct agent *, const struct web_request *, struct str,
			struct api_answer *);
void api_silence_expire(struct agent *, const struct web_request *, struct str,
			struct api_answer *);
void api_reload(struct agent *, const struct web_request *, struct str,
		struct api_answer *);

#endif
