#include "agent/intake/intake.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "agent/log.h"
#include "base/encode.h"

#define BASIC "WWW-Authenticate: Basic realm=\"tocsin\"\r\n"
#define BEARER "WWW-Authenticate: Bearer realm=\"tocsin\"\r\n"

enum row { ROW_NONE, ROW_SNS, ROW_WEBHOOK };

static enum row row_of(const struct conf *c, struct str path,
		       const struct conf_webhook **hook)
{
	if (str_is(path, c->sns.path))
		return ROW_SNS;
	for (size_t i = 0; i < c->webhook_count; i++) {
		if (str_is(path, c->webhooks[i].path)) {
			*hook = &c->webhooks[i];
			return ROW_WEBHOOK;
		}
	}
	return ROW_NONE;
}

/* The credentials after "SCHEME ", or STR_NONE. */
static struct str credentials(const struct web_request *req,
			      const char *scheme)
{
	struct str h = web_header(req, "authorization"), word;

	if (!h.p || !str_cut(&h, ' ', &word) || !h.p ||
	    !str_is_nocase(word, scheme))
		return STR_NONE;
	return str_trim(h);
}

bool intake_basic_ok(const struct conf *c, const struct web_request *req)
{
	struct buf want = BUF_INIT(4096), got = BUF_INIT(4096);
	struct str sent = credentials(req, "Basic");
	bool ok;

	buf_printf(&want, "%s:%s", c->sns.user, c->sns.password);
	ok = sent.n && sent.n < 4096 && !decode_base64(&got, sent) &&
	     str_eq_secret(buf_str(&got), buf_str(&want));
	buf_wipe(&want);
	buf_wipe(&got);
	return ok;
}

static bool refuse(struct agent *a, struct web_reply *r, int status,
		   const char *reason, const char *text, const char *headers)
{
	metrics_rejected(a->metrics, reason, "http");
	*r = (struct web_reply){
		.status = status,
		.body = str_from(text),
		.headers = headers,
	};
	return true;
}

static bool admit(const struct web_request *head, struct web_reply *r,
		  void *arg)
{
	struct agent *a = arg;
	struct conf *c = agent_conf(a);
	const struct conf_webhook *hook = NULL;
	enum row row = row_of(c, head->path, &hook);
	bool no = false;

	if (row == ROW_NONE)
		no = refuse(a, r, 404, "path", "no such path\n", NULL);
	else if (!str_is(head->method, "POST"))
		no = refuse(a, r, 405, "method", "only POST\n",
			    "Allow: POST\r\n");
	else if (row == ROW_SNS && c->sns.user && !intake_basic_ok(c, head))
		/* SNS asks without credentials first; that is no attack. */
		no = refuse(a, r, 401, "credentials",
			    "credentials of sns.basic_auth are needed\n",
			    BASIC);
	else if (row == ROW_WEBHOOK &&
		 !str_eq_secret(credentials(head, "Bearer"),
				str_from(hook->token)))
		no = refuse(a, r, 401, "credentials",
			    "the webhook's bearer token is needed\n", BEARER);
	conf_free(c);
	return no;
}

static void handle(struct web_exchange *x, const struct web_request *req,
		   void *arg)
{
	struct agent *a = arg;
	struct conf *c = agent_conf(a);
	const struct conf_webhook *hook;
	enum row row = row_of(c, req->path, &hook);

	conf_free(c);
	if (row == ROW_SNS)
		sns_receive(a, x, req);
	else if (row == ROW_WEBHOOK)
		webhook_receive(a, x, req);
	else
		/* A reload took the path away since admit(). */
		web_answer(x, &(struct web_reply){ .status = 404 });
}

/* The descriptor that systemd passed under this name; -1: none. */
static int socket_named(const char *name)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(0, &names), fd = -1;

	for (int i = 0; i < n; i++) {
		if (fd < 0 && str_is(str_from(names[i]), name))
			fd = SD_LISTEN_FDS_START + i;
		free(names[i]);
	}
	free(names);
	return fd;
}

/* Which address systemd gave it, no configuration says. */
static bool beyond_loopback(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
		struct sockaddr_storage all;
	} sa = { .all = { 0 } };
	socklen_t n = sizeof(sa);

	if (getsockname(fd, &sa.any, &n))
		return false;
	if (sa.any.sa_family == AF_INET)
		return ntohl(sa.in4.sin_addr.s_addr) >> 24 != 127;
	return sa.any.sa_family == AF_INET6 &&
	       !IN6_IS_ADDR_LOOPBACK(&sa.in6.sin6_addr);
}

static int take_socket(int *fd, const struct conf_listener *l,
		       struct err *err)
{
	*fd = socket_named(l->socket);
	if (*fd < 0)
		return err_set(err, -ENOENT,
			       "listen: systemd handed over no socket named "
			       "%s: enable tocsin.socket, or configure an "
			       "address", l->socket);
	if (!l->certificate && !l->plain && beyond_loopback(*fd))
		return err_set(err, -EINVAL,
			       "listen: the socket %s is beyond loopback: give "
			       "it tls, or plain: true behind a load balancer "
			       "that ends TLS", l->socket);
	return 0;
}

int intake_listen(struct agent *a, struct err *err)
{
	const struct conf *c = a->conf;

	for (size_t i = 0; i < c->listener_count; i++) {
		const struct conf_listener *l = &c->listeners[i];
		struct web_listener w = {
			.address = l->address,
			.fd = -1,
			.certificate = l->certificate,
			.key = l->key,
			.proxy = l->proxy_protocol,
			.proxy_from = l->proxy_from,
			.admit = admit,
			.handle = handle,
			.arg = a,
		};
		int rc = l->socket ? take_socket(&w.fd, l, err) : 0;

		if (!rc)
			rc = web_listen(a->web, &w, err);
		if (rc)
			return rc;
		LOG(INFO, "listening",
		    LFC("address", l->address ? l->address : l->socket),
		    LFN("port", web_port(a->web, (unsigned)i)),
		    LFC("tls", l->certificate ? "yes" : "no"),
		    LFC("proxy_protocol", l->proxy_protocol ? "yes" : "no"));
	}
	return 0;
}
