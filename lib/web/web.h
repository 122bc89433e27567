#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "base/err.h"
#include "base/str.h"

/*
 * Incoming HTTP/1.1 over TCP, TLS and unix sockets: narrow and strict
 * (RFC 9112 where a message can be read two ways is refused), one epoll loop
 * a thread, every request under deadlines as a whole. The only user of epoll
 * and of OpenSSL's SSL_*.
 */
struct web;
struct web_exchange;

struct web_limits {
	unsigned connections;		/* in all; 4096 */
	unsigned per_address;		/* 0: no cap */
	size_t header_bytes;		/* request line and headers; 16 KiB */
	unsigned header_count;		/* 64 */
	size_t body;			/* 2 MiB */
	unsigned handshake_ms, headers_ms, body_ms, idle_ms; /* 5 5 10 60 s */
};

extern const struct web_limits web_limits_default;

struct web_header {
	struct str name, value;		/* value without surrounding blanks */
};

struct web_request {
	struct str method, path, query;	/* as sent, not decoded; query after ? */
	const struct web_header *headers;
	size_t header_count;
	struct str body;		/* NUL after it */
	struct str peer;		/* "127.0.0.1", "unix" */
	long peer_uid;			/* unix sockets: SO_PEERCRED; else -1 */
	int64_t started_us;		/* clock_mono_us() of its first byte */
	void *listener;			/* web_listener.tag */
};

/* First header of that name (ASCII case ignored); STR_NONE where absent. */
struct str web_header(const struct web_request *req, const char *name);

struct web_reply {
	int status;
	const char *type;		/* Content-Type; NULL: text/plain */
	struct str body;
	const char *headers;		/* extra lines, each with \r\n; or NULL */
	bool close;			/* end the connection after it */
};

/*
 * Called in a loop's thread once the headers are whole, before any body is
 * read or 100 Continue is sent. Fill *refuse and return true to answer at
 * once (the connection is closed after it if a body was announced).
 */
typedef bool web_admit(const struct web_request *head, struct web_reply *refuse,
		       void *arg);

/*
 * Called in a loop's thread with one whole request. The request and x stay
 * valid until web_answer(), which comes exactly once, from any thread, at
 * once or later. A client that left meanwhile changes nothing for the caller.
 */
typedef void web_handle(struct web_exchange *x, const struct web_request *req,
			void *arg);

struct web_listener {
	const char *address;	/* "[::]:8443" "127.0.0.1:0" "unix:/run/x"; or */
	int fd;			/* a listening socket handed over, web's from
				 * then on; else -1 */
	const char *certificate, *key;	/* PEM files; NULL: plain HTTP */
	/*
	 * Behind a load balancer that says whom it speaks for: the PROXY
	 * protocol's header, version 2, comes before TLS. Who isn't of one of
	 * these networks ("10.0.0.0/8"; NULL-ended, copied) is closed at once;
	 * on a unix socket all are. What it says is then the peer.
	 */
	bool proxy;
	const char *const *proxy_from;
	web_admit *admit;	/* may be NULL */
	web_handle *handle;
	void *arg;		/* for both */
	void *tag;
};

int web_new(struct web **out, const struct web_limits *limits, unsigned loops,
	    struct err *err) MUST_CHECK;
/* Bind (SO_REUSEADDR) and listen; accepting begins with web_start(). */
int web_listen(struct web *web, const struct web_listener *listener,
	       struct err *err) MUST_CHECK;
/* The port that the n-th listener got, in the order of web_listen; 0: unix. */
unsigned web_port(const struct web *web, unsigned n);
int web_start(struct web *web, struct err *err) MUST_CHECK;

/* Copies what it needs of r; x is no more yours afterwards. */
void web_answer(struct web_exchange *x, const struct web_reply *r);

/*
 * An answer that goes on: its status line and headers go out, then what is
 * sent, until the end of the connection, which is its end. For a few clients
 * that listen for long: no deadline cuts one that is silent, it isn't closed
 * for a newer connection, and web_drain() ends it at once.
 *
 * web_stream_begin() is in place of web_answer(), from any thread; body is
 * the first that is sent. At most max bytes wait for the client: one that
 * doesn't read is closed when more would, or once nothing of it got away
 * within web_limits.body_ms. NULL: out of memory, and x isn't answered yet.
 * web_stream_send() and web_stream_end() may come from any thread; a stream
 * is yours until its end, which comes before web_free().
 */
struct web_stream;
struct web_stream *web_stream_begin(struct web_exchange *x,
				    const struct web_reply *r, size_t max);
/* 0; -EPIPE: nobody hears it any more, now or since earlier. No bytes at all
 * only ask for that. */
int web_stream_send(struct web_stream *s, struct str bytes);
/* What was sent still goes out. NULL is allowed. */
void web_stream_end(struct web_stream *s);

/*
 * Reread certificates whose files changed (also done once a second by
 * itself). Handshakes from now on use the new one; open connections go on.
 * A pair that doesn't load or match leaves the old one at work: negative,
 * *err says which.
 */
int web_reload(struct web *web, struct err *err);

/* When the first certificate of a listener ends, in milliseconds since 1970;
 * -1 without TLS. */
int64_t web_certificate_end_ms(const struct web *web);

/* The n-th listener, in the order of web_listen; false: there is none. */
struct web_listening {
	bool tls;
	unsigned port;			/* 0: unix */
	int64_t certificate_end_ms;	/* as above */
};
bool web_listening(struct web_listening *out, const struct web *web,
		   unsigned n);

/* Stop accepting, close connections once they are quiet, answer what is under
 * way with `Connection: close`. */
void web_drain(struct web *web);
unsigned web_open(const struct web *web);	/* connections now */
/* How long the slowest loop has been at what it does now, handlers included;
 * 0: all wait for something to happen. */
int64_t web_busy_ms(const struct web *web);
/* Ends the loops; connections still open are closed. Exchanges that are
 * parked must be answered, and each web_answer have returned, before
 * web_free. */
void web_stop(struct web *web);
void web_free(struct web *web);

struct web_counters {
	uint64_t accepted, requests, handshake_failed, malformed, timed_out,
		evicted, refused_connections, bytes_in,
		proxy_refused,		/* by their PROXY header, or for it */
		certificates_failed;	/* rereads that left the old one */
};
void web_count(const struct web *web, struct web_counters *out);

#endif
