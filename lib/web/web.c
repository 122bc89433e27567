#include "web/web.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "web/exchange.h"
#include "web/loop.h"
#include "web/tls.h"

enum {
	LOOPS_MAX = 64,
	HEADERS_MAX = 1 << 20,
	BODIES = 32, /* of the largest size may be in memory */
};

const struct web_limits web_limits_default = {
	.connections = 4096,
	.per_address = 0,
	.header_bytes = 16 << 10,
	.header_count = 64,
	.body = 2 << 20,
	.handshake_ms = 5000,
	.headers_ms = 5000,
	.body_ms = 10000,
	.idle_ms = 60000,
};

static int check_limits(const struct web_limits *l, struct err *err)
{
	if (!l->connections || !l->handshake_ms || !l->headers_ms ||
	    !l->body_ms || !l->idle_ms)
		return err_set(err, -EINVAL,
			       "web: connections and times must not be 0");
	if (l->header_bytes < 128 || l->header_bytes > HEADERS_MAX ||
	    l->header_count < 1 || l->header_count > 4096)
		return err_set(err, -EINVAL,
			       "web: headers have 128 bytes to 1 MiB and 1 to "
			       "4096 fields");
	if (l->body > (size_t)1 << 30)
		return err_set(err, -EINVAL, "web: a body has at most 1 GiB");
	return 0;
}

int web_new(struct web **out, const struct web_limits *limits, unsigned loops,
	    struct err *err)
{
	struct web *web;
	int rc = check_limits(limits, err);

	if (rc)
		return rc;
	if (loops < 1 || loops > LOOPS_MAX)
		return err_set(err, -EINVAL, "web: 1 to %d loops, not %u",
			       LOOPS_MAX, loops);
	web = calloc(1, sizeof(*web));
	if (!web)
		return err_set(err, -ENOMEM, "out of memory");
	pthread_mutex_init(&web->lock, NULL);
	web->limits = *limits;
	web->bodies_max = BODIES * limits->body;
	web->addresses = map_new();
	web->loops = calloc(loops, sizeof(struct loop *));
	if (!web->addresses || !web->loops) {
		web_free(web);
		return err_set(err, -ENOMEM, "out of memory");
	}
	for (; web->loop_count < loops; web->loop_count++) {
		rc = loop_new(&web->loops[web->loop_count], web,
			      web->loop_count, err);
		if (rc) {
			web_free(web);
			return rc;
		}
	}
	*out = web;
	return 0;
}

int web_listen(struct web *web, const struct web_listener *conf,
	       struct err *err)
{
	struct listener **list, *ln;
	int rc;

	if (web->running || (!conf->address && conf->fd < 0) || !conf->handle ||
	    !conf->certificate != !conf->key)
		return err_set(err, -EINVAL,
			       "a listener needs an address or a socket, a "
			       "handler, and a certificate with its key or "
			       "neither, before the start");
	rc = listener_new(&ln, conf, web->loop_count, err);
	if (rc)
		return rc;
	list = realloc(web->listeners,
		       (web->listener_count + 1) * sizeof(struct listener *));
	if (!list) {
		listener_free(ln);
		return err_set(err, -ENOMEM, "out of memory");
	}
	list[web->listener_count++] = ln;
	web->listeners = list;
	return 0;
}

unsigned web_port(const struct web *web, unsigned n)
{
	return n < web->listener_count ? web->listeners[n]->port : 0;
}

int web_start(struct web *web, struct err *err)
{
	int rc = 0;

	if (web->running)
		return err_set(err, -EALREADY, "web: started already");
	web->running = true;
	while (rc == 0 && web->started < web->loop_count) {
		rc = loop_start(web->loops[web->started], err);
		if (rc == 0)
			web->started++;
	}
	if (rc)
		web_stop(web);
	return rc;
}

void web_answer(struct web_exchange *x, const struct web_reply *r)
{
	struct web_reply reply = *r;
	struct loop *l = x->loop;

	if (reply.status < 200 || reply.status > 599)
		reply.status = 500;
	x->status = reply.status;
	x->close |= reply.close;
	reply_put(&x->out, &reply, x->head);
	/* Only the loop's own thread can find itself handling x. */
	if (pthread_equal(l->self, pthread_self()) && l->handling == x)
		l->answered = true;
	else
		loop_post(l, x);
}

static void wake_all(struct web *web)
{
	for (unsigned i = 0; i < web->started; i++)
		loop_wake(web->loops[i]);
}

int web_reload(struct web *web, struct err *err)
{
	int rc = 0;

	for (unsigned i = 0; i < web->listener_count; i++) {
		struct tls *tls = web->listeners[i]->tls;
		int one = tls ? tls_refresh(tls, true, rc ? NULL : err) : 0;

		if (one >= 0)
			continue;
		atomic_fetch_add(&web->certificates_failed, 1);
		rc = rc ? rc : one;
	}
	return rc;
}

int64_t web_certificate_end_ms(const struct web *web)
{
	int64_t first = -1;

	for (unsigned i = 0; i < web->listener_count; i++) {
		struct tls *tls = web->listeners[i]->tls;
		int64_t end = tls ? tls_end_ms(tls) : -1;

		if (tls && (first < 0 || end < first))
			first = end;
	}
	return first;
}

bool web_listening(struct web_listening *out, const struct web *web,
		   unsigned n)
{
	const struct listener *ln;

	if (n >= web->listener_count)
		return false;
	ln = web->listeners[n];
	*out = (struct web_listening){
		.tls = ln->tls != NULL,
		.port = ln->port,
		.certificate_end_ms = ln->tls ? tls_end_ms(ln->tls) : -1,
	};
	return true;
}

void web_drain(struct web *web)
{
	atomic_store(&web->draining, true);
	wake_all(web);
}

unsigned web_open(const struct web *web)
{
	return atomic_load(&web->open);
}

int64_t web_busy_ms(const struct web *web)
{
	int64_t most = 0, now = clock_mono_ms();

	for (unsigned i = 0; i < web->started; i++) {
		int64_t since = atomic_load_explicit(
			&web->loops[i]->busy_since_ms, memory_order_relaxed);

		if (since && now - since > most)
			most = now - since;
	}
	return most;
}

void web_stop(struct web *web)
{
	atomic_store(&web->stopping, true);
	wake_all(web);
	for (; web->started > 0; web->started--)
		pthread_join(web->loops[web->started - 1]->thread, NULL);
}

void web_free(struct web *web)
{
	if (!web)
		return;
	web_stop(web);
	for (unsigned i = 0; i < web->loop_count; i++)
		loop_free(web->loops[i]);
	for (unsigned i = 0; i < web->listener_count; i++)
		listener_free(web->listeners[i]);
	free(web->listeners);
	free(web->loops);
	map_free(web->addresses);
	pthread_mutex_destroy(&web->lock);
	free(web);
}

static uint64_t sum(const struct web *web, enum counter which)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < web->loop_count; i++)
		n += atomic_load_explicit(&web->loops[i]->counters[which],
					  memory_order_relaxed);
	return n;
}

void web_count(const struct web *web, struct web_counters *out)
{
	*out = (struct web_counters){
		.accepted = sum(web, COUNT_ACCEPTED),
		.requests = sum(web, COUNT_REQUESTS),
		.handshake_failed = sum(web, COUNT_HANDSHAKE_FAILED),
		.malformed = sum(web, COUNT_MALFORMED),
		.timed_out = sum(web, COUNT_TIMED_OUT),
		.evicted = sum(web, COUNT_EVICTED),
		.refused_connections = sum(web, COUNT_REFUSED),
		.bytes_in = sum(web, COUNT_BYTES_IN),
		.proxy_refused = sum(web, COUNT_PROXY_REFUSED),
		.certificates_failed = atomic_load(&web->certificates_failed),
	};
}
