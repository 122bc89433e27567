#ifndef AGENT_ADMIN_API_H
#define AGENT_ADMIN_API_H

#include "agent/agent.h"
#include "web/web.h"

/* One answer of the admin address: status and body are filled, in out. */
struct api_answer {
	int status;
	const char *type;
	const char *headers;
	struct buf out;
};

/* A row of the table: a method and a path, where `*` stands for one segment,
 * given as arg. */
struct api_route {
	const char *method, *path;
	void (*answer)(struct agent *a, const struct web_request *req,
		       struct str arg, struct api_answer *r);
};

extern const struct api_route api_routes[];	/* ends with a NULL method */

/* {"error": text}; status as given. */
void api_error(struct api_answer *r, int status, const char *text);

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
void api_events(struct agent *, const struct web_request *, struct str,
		struct api_answer *);
void api_event(struct agent *, const struct web_request *, struct str,
	       struct api_answer *);
void api_dead(struct agent *, const struct web_request *, struct str,
	      struct api_answer *);
void api_dead_retry(struct agent *, const struct web_request *, struct str,
		    struct api_answer *);
void api_dead_drop(struct agent *, const struct web_request *, struct str,
		   struct api_answer *);
void api_rules(struct agent *, const struct web_request *, struct str,
	       struct api_answer *);
void api_reload(struct agent *, const struct web_request *, struct str,
		struct api_answer *);

#endif
