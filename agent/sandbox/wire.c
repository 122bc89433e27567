#include "agent/sandbox/wire.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define HEAD_MAX (64 << 10)
#define BODY_MAX (64 << 20)
#define ANSWER_MAX ((size_t)1 << 30)
#define CONNECTIONS 1024
#define IDLE_MS 120000
#define REQUEST_MS 30000

struct wire {
	int fd, stop_fd;
	wire_admit *admit;
	wire_handle *handle;
	void *arg;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	unsigned open; /* connection threads; under lock */
};

struct conn {
	struct wire *wire;
	int fd;
	struct buf in;
	bool reused;
};

static int bind_address(const char *address, struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE },
			*list = NULL;
	const char *colon = strrchr(address, ':');
	char host[128] = "";
	size_t n = colon ? (size_t)(colon - address) : 0;
	int fd, one = 1, ret;

	if (!colon || n >= sizeof(host))
		return err_set(err, -EINVAL, "%s: expected HOST:PORT", address);
	if (n >= 2 && address[0] == '[' && address[n - 1] == ']')
		memcpy(host, address + 1, n - 2);
	else
		memcpy(host, address, n);
	ret = getaddrinfo(*host ? host : NULL, colon + 1, &hints, &list);
	if (ret)
		return err_set(err, -EINVAL, "%s: %s", address,
			       gai_strerror(ret));
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, list->ai_addr, list->ai_addrlen) ||
	    listen(fd, 511)) {
		ret = err_set(err, -errno, "%s: %s", address, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = ret;
	}
	freeaddrinfo(list);
	return fd;
}

int wire_open(struct wire **out, const char *address, wire_admit *admit,
	      wire_handle *handle, void *arg, struct err *err)
{
	struct wire *w = calloc(1, sizeof(*w));
	int fd;

	if (!w)
		return err_set(err, -ENOMEM, "out of memory");
	fd = bind_address(address, err);
	if (fd < 0) {
		free(w);
		return fd;
	}
	*w = (struct wire){ .fd = fd,
			    .admit = admit,
			    .handle = handle,
			    .arg = arg,
			    .stop_fd = eventfd(0, EFD_CLOEXEC) };
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->ended, NULL);
	*out = w;
	return 0;
}

unsigned wire_port(const struct wire *w)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} u = { 0 };
	socklen_t n = sizeof(u);

	if (getsockname(w->fd, &u.sa, &n))
		return 0;
	return ntohs(u.sa.sa_family == AF_INET6 ? u.in6.sin6_port
						: u.in.sin_port);
}

bool wire_sleep(struct wire *w, int64_t ms)
{
	int64_t end = clock_mono_ms() + ms, left;

	while ((left = end - clock_mono_ms()) > 0) {
		struct pollfd p = { .fd = w->stop_fd, .events = POLLIN };

		if (poll(&p, 1, left > 60000 ? 60000 : (int)left) > 0)
			return false;
	}
	return true;
}

/* Wait for the socket; false at the deadline or where the sandbox stops. */
static bool ready(struct conn *c, short events, int64_t deadline)
{
	struct pollfd p[2] = { { .fd = c->fd, .events = events },
			       { .fd = c->wire->stop_fd, .events = POLLIN } };
	int64_t left = deadline - clock_mono_ms();

	return left > 0 && poll(p, 2, (int)left) > 0 && !p[1].revents;
}

static bool fill(struct conn *c, int64_t deadline)
{
	char *room;
	ssize_t n;

	if (!ready(c, POLLIN, deadline))
		return false;
	room = buf_room(&c->in, 16384);
	if (!room)
		return false;
	n = recv(c->fd, room, 16384, 0);
	if (n <= 0)
		return false;
	buf_added(&c->in, (size_t)n);
	return true;
}

static bool send_all(struct conn *c, const char *p, size_t n)
{
	int64_t deadline = clock_mono_ms() + IDLE_MS;

	while (n) {
		ssize_t sent = send(c->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EAGAIN) {
			if (!ready(c, POLLOUT, deadline))
				return false;
			continue;
		}
		if (sent < 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

struct str wire_header(const struct wire_request *req, const char *name)
{
	struct str rest = req->headers, line;

	while (str_cut(&rest, '\n', &line)) {
		ssize_t colon = str_find_char(line, ':');

		if (colon > 0 &&
		    str_is_nocase(str_sub(line, 0, (size_t)colon), name))
			return str_trim(str_sub(line, (size_t)colon + 1,
						line.n - (size_t)colon - 1));
	}
	return STR_NONE;
}

/* Cut the head into req. False where it isn't a request. */
static bool parse_head(struct wire_request *req, struct str head)
{
	struct str line, target, field;
	ssize_t mark;

	req->headers = head;
	if (!str_cut(&req->headers, '\n', &line))
		return false;
	line = str_trim(line);
	if (!str_cut(&line, ' ', &req->method) ||
	    !str_cut(&line, ' ', &target) || !str_starts(line, "HTTP/1."))
		return false;
	mark = str_find_char(target, '?');
	req->path = mark < 0 ? target : str_sub(target, 0, (size_t)mark);
	req->query = mark < 0 ? STR("")
			      : str_sub(target, (size_t)mark + 1,
					target.n - (size_t)mark - 1);
	field = wire_header(req, "Transfer-Encoding");
	return !field.p && target.n && target.p[0] == '/';
}

/*
 * Read one request. 1: *req is whole, *used bytes of c->in are its; 0: the
 * connection is over. The pointers of *req are good until c->in changes.
 */
static int read_request(struct conn *c, struct wire_request *req, size_t *used)
{
	int64_t deadline = clock_mono_ms() + IDLE_MS;
	struct str length;
	uint64_t body = 0;
	ssize_t end;

	while ((end = str_find(buf_str(&c->in), STR("\r\n\r\n"))) < 0) {
		if (c->in.n > HEAD_MAX || !fill(c, deadline))
			return 0;
	}
	if (!parse_head(req, str_sub(buf_str(&c->in), 0, (size_t)end + 2)))
		return 0;
	length = wire_header(req, "Content-Length");
	if (length.p && (str_to_u64(&body, length) || body > BODY_MAX))
		return 0;
	*used = (size_t)end + 4 + body;
	if (str_is_nocase(wire_header(req, "Expect"), "100-continue") &&
	    c->in.n < *used &&
	    !send_all(c, "HTTP/1.1 100 Continue\r\n\r\n", 25))
		return 0;
	deadline = clock_mono_ms() + REQUEST_MS;
	while (c->in.n < *used)
		if (!fill(c, deadline))
			return 0;
	/* The buffer may have moved. */
	parse_head(req, str_sub(buf_str(&c->in), 0, (size_t)end + 2));
	req->body = str_sub(buf_str(&c->in), (size_t)end + 4, body);
	req->reused = c->reused;
	return 1;
}

static const char *reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 201:
		return "Created";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 404:
		return "Not Found";
	case 429:
		return "Too Many Requests";
	case 500:
		return "Internal Server Error";
	case 503:
		return "Service Unavailable";
	default:
		return "Answer";
	}
}

static void put_head(struct buf *out, const struct wire_reply *r, bool close_it)
{
	size_t length = r->body.n;

	if (r->cut == WIRE_ENDLESS)
		length = r->size;
	buf_printf(out, "HTTP/1.1 %d %s\r\nDate: ", r->status,
		   reason(r->status));
	clock_put_http(out, clock_wall_ms() + r->ahead_ms);
	buf_printf(out, "\r\nContent-Type: %s\r\n",
		   r->type ? r->type : "application/json");
	buf_put_str(out, buf_str(&r->headers));
	if (r->cut == WIRE_BIG_HEAD)
		for (size_t n = 0; n < r->size; n += 1000)
			buf_printf(out, "X-Filler-%zu: %0980d\r\n", n, 0);
	buf_printf(out, "Content-Length: %zu\r\n%s\r\n", length,
		   close_it ? "Connection: close\r\n" : "");
}

static bool send_slowly(struct conn *c, struct str s, int64_t each_ms)
{
	for (size_t i = 0; i < s.n; i++)
		if (!send_all(c, s.p + i, 1) || !wire_sleep(c->wire, each_ms))
			return false;
	return true;
}

static bool send_filler(struct conn *c, size_t size)
{
	char chunk[16384];

	memset(chunk, ' ', sizeof(chunk));
	for (size_t left = size, n; left; left -= n) {
		n = left < sizeof(chunk) ? left : sizeof(chunk);
		if (!send_all(c, chunk, n))
			return false;
	}
	return true;
}

/* True: the connection may be used again. */
static bool send_reply(struct conn *c, const struct wire_reply *r,
		       bool close_it)
{
	struct buf out = BUF_INIT(ANSWER_MAX);
	bool ok = false;
	size_t head;

	put_head(&out, r, close_it);
	head = out.n;
	if (r->cut != WIRE_ENDLESS)
		buf_put_str(&out, buf_str(&r->body));
	if (buf_error(&out) || buf_error(&r->body))
		goto out;
	switch (r->cut) {
	case WIRE_HANGUP:
		break;
	case WIRE_CUT_HEAD:
		send_all(c, out.p, head / 2);
		break;
	case WIRE_CUT_BODY:
		send_all(c, out.p, head + r->body.n / 2);
		break;
	case WIRE_DRIP:
		ok = send_slowly(c, buf_str(&out), r->drip_ms);
		break;
	case WIRE_ENDLESS:
		ok = send_all(c, out.p, out.n) && send_filler(c, r->size);
		break;
	case WIRE_WHOLE:
	case WIRE_BIG_HEAD:
		ok = send_all(c, out.p, out.n);
		break;
	}
out:
	buf_fini(&out);
	return ok && !close_it;
}

/* Closing with linger 0 resets: what the peer hasn't read is gone. */
static void reset_on_close(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static bool serve(struct conn *c)
{
	struct wire_request req = { 0 };
	struct wire_reply reply = { .status = 200,
				    .headers = BUF_INIT(256 << 10),
				    .body = BUF_INIT(ANSWER_MAX / 2) };
	bool again, close_it;
	size_t used;

	if (!read_request(c, &req, &used))
		return false;
	close_it = str_is_nocase(wire_header(&req, "Connection"), "close");
	c->wire->handle(&req, &reply, c->wire->arg);
	again = send_reply(c, &reply, close_it);
	if (reply.cut == WIRE_HANGUP || reply.cut == WIRE_CUT_HEAD ||
	    reply.cut == WIRE_CUT_BODY) {
		/* The half that was sent must arrive before the reset. */
		if (reply.cut != WIRE_HANGUP)
			wire_sleep(c->wire, 20);
		reset_on_close(c->fd);
	}
	buf_fini(&reply.headers);
	buf_fini(&reply.body);
	buf_shift(&c->in, used);
	c->reused = true;
	return again;
}

static void *conn_main(void *arg)
{
	struct conn *c = arg;
	struct wire *w = c->wire;

	while (serve(c))
		;
	close(c->fd);
	buf_fini(&c->in);
	free(c);
	pthread_mutex_lock(&w->lock);
	w->open--;
	pthread_cond_signal(&w->ended);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void begin(struct wire *w, int fd, const pthread_attr_t *attr)
{
	struct conn *c = calloc(1, sizeof(*c));
	pthread_t thread;
	int one = 1;

	if (!c) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*c = (struct conn){ .wire = w,
			    .fd = fd,
			    .in = BUF_INIT(HEAD_MAX + BODY_MAX + 32768) };
	pthread_mutex_lock(&w->lock);
	w->open++;
	if (w->open > CONNECTIONS ||
	    pthread_create(&thread, attr, conn_main, c)) {
		w->open--;
		close(fd);
		free(c);
	}
	pthread_mutex_unlock(&w->lock);
}

static void *accept_main(void *arg)
{
	struct wire *w = arg;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 512 << 10);
	for (;;) {
		struct pollfd p[2] = { { .fd = w->fd, .events = POLLIN },
				       { .fd = w->stop_fd, .events = POLLIN } };
		int fd;

		if (poll(p, 2, -1) < 0 && errno == EINTR)
			continue;
		if (p[1].revents)
			break;
		fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0) {
			wire_sleep(w, 10);
			continue;
		}
		if (w->admit(w->arg)) {
			begin(w, fd, &attr);
		} else {
			reset_on_close(fd);
			close(fd);
		}
	}
	pthread_attr_destroy(&attr);
	return NULL;
}

int wire_start(struct wire *w, struct err *err)
{
	int ret = pthread_create(&w->thread, NULL, accept_main, w);

	if (ret)
		return err_set(err, -ret, "can't start a thread: %s",
			       strerror(ret));
	w->started = true;
	return 0;
}

void wire_stop(struct wire *w)
{
	uint64_t one = 1;

	if (!w || !w->started)
		return;
	if (write(w->stop_fd, &one, sizeof(one)) < 0)
		return;
	pthread_join(w->thread, NULL);
	w->started = false;
	pthread_mutex_lock(&w->lock);
	while (w->open)
		pthread_cond_wait(&w->ended, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

void wire_free(struct wire *w)
{
	if (!w)
		return;
	wire_stop(w);
	close(w->fd);
	close(w->stop_fd);
	pthread_cond_destroy(&w->ended);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
