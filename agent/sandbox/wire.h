#ifndef AGENT_SANDBOX_WIRE_H
#define AGENT_SANDBOX_WIRE_H

#include "base/buf.h"
#include "base/err.h"

/*
 * The sandbox's plain HTTP listener: a thread a connection. lib/web never
 * sends a broken answer; this one exists to send them: cut in any place,
 * dripped, endless.
 */
struct wire;

struct wire_request {
	struct str method, path, query;	/* as sent */
	struct str headers;		/* raw lines */
	struct str body;		/* NUL after it */
	bool reused;			/* not the first on its connection */
};

/* First header of that name (case ignored); STR_NONE where absent. */
struct str wire_header(const struct wire_request *req, const char *name);

enum wire_cut {
	WIRE_WHOLE,
	WIRE_HANGUP,		/* a reset, no byte of an answer */
	WIRE_CUT_HEAD,		/* a reset amid the headers */
	WIRE_CUT_BODY,		/* the whole head, half of the body, a reset */
	WIRE_DRIP,		/* a byte each drip_ms */
	WIRE_BIG_HEAD,		/* size bytes of headers before the body */
	WIRE_ENDLESS,		/* a body that ends only after size bytes */
};

struct wire_reply {
	int status;
	const char *type;		/* NULL: application/json */
	struct buf headers, body;	/* headers: lines with \r\n */
	enum wire_cut cut;
	int64_t drip_ms;
	size_t size;
	int64_t ahead_ms;		/* its Date's clock, of ours */
};

/* In the connection's thread; reply comes ready to be appended to. */
typedef void wire_handle(const struct wire_request *req,
			 struct wire_reply *reply, void *arg);
/* May this new connection stay? In the accepting thread. */
typedef bool wire_admit(void *arg);

int wire_open(struct wire **out, const char *address, wire_admit *admit,
	      wire_handle *handle, void *arg, struct err *err) MUST_CHECK;
unsigned wire_port(const struct wire *w);
int wire_start(struct wire *w, struct err *err) MUST_CHECK;
/* Sleep, but not past wire_stop: false then. */
bool wire_sleep(struct wire *w, int64_t ms);
/* Ends all connections and waits for their threads. */
void wire_stop(struct wire *w);
void wire_free(struct wire *w);

#endif
