/*
 * A StackFlow of three answers on loopback, for what a client costs by itself:
 * a list of five incidents, one of them, one that was made. Prints its port,
 * ends with its standard input.
 *
 *	answers
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS 64
#define ROOM 16384

#define ROW                                                                    \
	"{\"id\":\"INC0001234\",\"number\":\"INC0001234\","                    \
	"\"short_description\":\"Database timeout in prod\","                  \
	"\"description\":\"Connections to pay-db-1 time out since 14:45 UTC."  \
	"\",\"priority\":\"P2\",\"state\":\"in_progress\","                    \
	"\"category\":\"database\",\"assignment_group\":\"Platform "           \
	"Engineering\",\"assigned_to\":\"jane.doe@example.com\","              \
	"\"created_at\":\"2026-05-19T14:30:00Z\","                             \
	"\"sla_breach_at\":\"2026-05-19T18:30:00Z\"}"
#define LIST                                                                   \
	"{\"data\":[" ROW "," ROW "," ROW "," ROW "," ROW "],\"total\":5,"     \
	"\"page\":1,\"limit\":5,\"has_more\":false}"

struct connection {
	size_t n;
	char in[ROOM];
};

static struct pollfd fds[2 + CONNECTIONS];
static struct connection of[2 + CONNECTIONS];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int listen_any(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) || listen(fd, 64) ||
	    getsockname(fd, (struct sockaddr *)&a, &n))
		die("listen");
	printf("ready %d\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

static void answer(int fd, const char *request)
{
	bool made = request[0] == 'P';
	const char *body = made || strstr(request, "/incidents/") ? ROW : LIST;
	char out[8192];
	int n = snprintf(out, sizeof(out),
			 "HTTP/1.1 %s\r\n"
			 "Content-Type: application/json\r\n"
			 "Content-Length: %zu\r\n"
			 "X-RateLimit-Limit: 1000000\r\n"
			 "X-RateLimit-Remaining: 999999\r\n"
			 "X-RateLimit-Reset: 1\r\n\r\n%s",
			 made ? "201 Created" : "200 OK", strlen(body), body);

	if (write(fd, out, (size_t)n) != n)
		die("write");
}

/* Bytes of the first whole request that c holds; 0: none is whole. */
static size_t whole(const struct connection *c)
{
	const char *end = strstr(c->in, "\r\n\r\n");
	size_t head, body = 0;

	if (!end)
		return 0;
	head = (size_t)(end - c->in) + 4;
	for (const char *p = c->in; p < end; p = strchr(p, '\n') + 1)
		if (!strncasecmp(p, "Content-Length:", 15))
			body = strtoul(p + 15, NULL, 10);
	return head + body <= c->n ? head + body : 0;
}

/* False: the connection has ended. */
static bool serve(int fd, struct connection *c)
{
	ssize_t got = read(fd, c->in + c->n, ROOM - 1 - c->n);
	size_t n;

	if (got <= 0)
		return false;
	c->n += (size_t)got;
	c->in[c->n] = '\0';
	while ((n = whole(c)) > 0) {
		answer(fd, c->in);
		memmove(c->in, c->in + n, c->n - n + 1);
		c->n -= n;
	}
	return true;
}

static void take(int listener)
{
	int fd = accept(listener, NULL, NULL), on = 1;

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (int i = 2; i < 2 + CONNECTIONS; i++)
		if (fds[i].fd < 0) {
			fds[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
			of[i].n = 0;
			return;
		}
	close(fd);
}

int main(void)
{
	fds[0] = (struct pollfd){ .fd = 0, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = listen_any(), .events = POLLIN };
	for (int i = 2; i < 2 + CONNECTIONS; i++)
		fds[i].fd = -1;
	while (poll(fds, 2 + CONNECTIONS, -1) > 0 && !fds[0].revents) {
		if (fds[1].revents)
			take(fds[1].fd);
		for (int i = 2; i < 2 + CONNECTIONS; i++)
			if (fds[i].fd >= 0 && fds[i].revents &&
			    !serve(fds[i].fd, &of[i])) {
				close(fds[i].fd);
				fds[i].fd = -1;
			}
	}
	return 0;
}
