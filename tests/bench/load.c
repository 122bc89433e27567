/*
 * Keep-alive clients on one epoll loop: requests of FILE (each behind its
 * length in 4 bytes), from the one numbered FROM on, COUNT of them, over
 * CONNECTIONS connections, each with one request under way. Prints one line:
 *
 *	good bad seconds p50_us p99_us
 *
 *	load [-e EACH] [-w] [-k] plain|tls PORT FILE FROM COUNT CONNECTIONS
 *
 * -e: at most so many requests a connection; -w: once all are connected, says
 * "ready" and waits for a line; -k: keeps them open at the end, until standard
 * input is at its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

struct client {
	int fd;
	SSL *ssl;
	const char *out;		/* of the request under way */
	size_t left;
	size_t got;
	long done;
	bool busy;
	double from_us;
	char in[4096];
};

static struct {
	const char *at, *end;		/* requests */
	long left, finished, good, bad, each;
	double *us;
	int epoll;
} load;

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static bool skip(const char **out, size_t *n)
{
	uint32_t bytes;

	if (load.at + sizeof(bytes) > load.end)
		return false;
	memcpy(&bytes, load.at, sizeof(bytes));
	*out = load.at + sizeof(bytes);
	*n = bytes;
	load.at += sizeof(bytes) + bytes;
	return true;
}

static void open_file(const char *path, long from)
{
	int fd = open(path, O_RDONLY);
	const char *p;
	struct stat st;
	size_t n;

	if (fd < 0 || fstat(fd, &st))
		die(path);
	load.at = mmap(NULL, (size_t)st.st_size, PROT_READ,
		       MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (load.at == MAP_FAILED)
		die(path);
	load.end = load.at + st.st_size;
	close(fd);
	while (from-- > 0)
		if (!skip(&p, &n))
			die("too few requests in the file");
}

/* The next request of this client, if there is one for it. */
static void begin(struct client *c)
{
	c->busy = false;
	if (load.left <= 0 || (load.each && c->done >= load.each))
		return;
	if (!skip(&c->out, &c->left))
		die("too few requests in the file");
	load.left--;
	c->busy = true;
	c->got = 0;
	c->from_us = now_us();
}

/* Bytes, 0 at the end, -1 to wait. */
static ssize_t put(struct client *c)
{
	return c->ssl ? SSL_write(c->ssl, c->out, (int)c->left) :
			send(c->fd, c->out, c->left, 0);
}

static ssize_t get(struct client *c)
{
	size_t room = sizeof(c->in) - 1 - c->got;

	return c->ssl ? SSL_read(c->ssl, c->in + c->got, (int)room) :
			recv(c->fd, c->in + c->got, room, 0);
}

static bool waits(const struct client *c, ssize_t n)
{
	int e;

	if (!c->ssl)
		return n < 0 && errno == EAGAIN;
	e = SSL_get_error(c->ssl, (int)n);
	return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE;
}

/* Is the answer whole? Its head, and as many bytes as that announces. */
static bool whole(struct client *c)
{
	const char *end, *length;

	c->in[c->got] = '\0';
	end = strstr(c->in, "\r\n\r\n");
	if (!end)
		return false;
	length = strcasestr(c->in, "\r\nContent-Length:");
	return !length || length > end ||
	       c->got >= (size_t)(end + 4 - c->in) +
			       strtoul(length + 17, NULL, 10);
}

static void answered(struct client *c)
{
	bool good = strncmp(c->in, "HTTP/1.1 2", 10) == 0;

	load.us[load.finished++] = now_us() - c->from_us;
	load.good += good;
	load.bad += !good;
	c->done++;
	if (!good)
		fprintf(stderr, "load: %.200s\n", c->in);
	begin(c);
}

static void lost(struct client *c)
{
	if (c->busy) {
		load.finished++;
		load.bad++;
	}
	c->busy = false;
	epoll_ctl(load.epoll, EPOLL_CTL_DEL, c->fd, NULL);
}

static void run(struct client *c)
{
	ssize_t n;

	while (c->busy) {
		ERR_clear_error();
		if (c->left) {
			n = put(c);
			if (n > 0) {
				c->out += n;
				c->left -= (size_t)n;
				continue;
			}
		} else {
			n = get(c);
			if (n > 0) {
				c->got += (size_t)n;
				if (whole(c))
					answered(c);
				continue;
			}
		}
		if (!waits(c, n))
			lost(c);
		return;
	}
}

static void dial(struct client *c, SSL_CTX *tls, int port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct epoll_event ev = {
		.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c,
	};
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)))
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (tls) {
		c->ssl = SSL_new(tls);
		if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1 ||
		    SSL_connect(c->ssl) != 1)
			die("TLS");
	}
	if (fcntl(c->fd, F_SETFL, O_NONBLOCK) ||
	    epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &ev))
		die("epoll");
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void start(struct client *c)
{
	begin(c);
	run(c);
}

static void serve(long want)
{
	struct epoll_event events[256];

	while (load.finished < want) {
		int k = epoll_wait(load.epoll, events, 256, 30000);

		if (k <= 0)
			die("no answer for 30 s");
		for (int i = 0; i < k; i++)
			run(events[i].data.ptr);
	}
}

static void usage(void)
{
	fprintf(stderr, "usage: load [-e EACH] [-w] [-k] plain|tls PORT FILE "
			"FROM COUNT CONNECTIONS\n");
	exit(2);
}

static void report(long count, double us)
{
	qsort(load.us, (size_t)count, sizeof(*load.us), by_size);
	printf("%ld %ld %.6f %.1f %.1f\n", load.good, load.bad, us / 1e6,
	       load.us[count / 2], load.us[count * 99 / 100]);
	fflush(stdout);
}

static void wait_for_line(void)
{
	int c;

	printf("ready\n");
	fflush(stdout);
	do
		c = getchar();
	while (c != EOF && c != '\n');
}

int main(int argc, char **argv)
{
	bool wait = false, keep = false;
	SSL_CTX *tls = NULL;
	struct client *clients;
	long n, count;
	double from;
	int o;

	while ((o = getopt(argc, argv, "e:wk")) > 0) {
		if (o == 'e')
			load.each = strtol(optarg, NULL, 10);
		wait = wait || o == 'w';
		keep = keep || o == 'k';
	}
	argv += optind;
	if (argc - optind != 6)
		usage();
	open_file(argv[2], strtol(argv[3], NULL, 10));
	count = load.left = strtol(argv[4], NULL, 10);
	n = strtol(argv[5], NULL, 10);
	load.us = calloc((size_t)count + 1, sizeof(*load.us));
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	clients = calloc((size_t)n, sizeof(*clients));
	if (!strcmp(argv[0], "tls"))
		tls = SSL_CTX_new(TLS_client_method());
	if (!clients || !load.us || load.epoll < 0)
		die("start");
	signal(SIGPIPE, SIG_IGN);
	/* On a busy machine the last is connected long after the first: those
	 * that are to be kept ask at once, before they count as slow. */
	for (long i = 0; i < n; i++) {
		dial(&clients[i], tls, (int)strtol(argv[1], NULL, 10));
		if (keep)
			start(&clients[i]);
	}
	if (wait)
		wait_for_line();
	from = now_us();
	for (long i = 0; i < n && !keep; i++)
		start(&clients[i]);
	serve(count);
	report(count, now_us() - from);
	while (keep && getchar() != EOF)
		;
	return load.bad ? 1 : 0;
}
