#ifndef TESTS_UNIT_STACKFLOW_CROWD_H
#define TESTS_UNIT_STACKFLOW_CROWD_H

/*
 * A StackFlow of one thread for thousands of connections, in a process of its
 * own so that memory, descriptors and allocations here are the client's alone.
 * POST /incidents {"n":17} answers {"id":"INC17"}; /token gives tokens in a
 * row; GET /incidents/ID answers the record; a page of a list has two rows, of
 * one with limit=2 there are two; a bulk's job has ended when it is asked for.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CROWD_MAX 2100
#define CROWD_BYTES 4096

/* Shared between both processes. */
struct crowd_state {
	atomic_uint hold; /* answer none before so many wait; once */
	atomic_uint most; /* that waited at once */
	atomic_uint requests, tokens, unauthorized;
	atomic_uint life;   /* of a token, seconds */
	atomic_uint newest; /* only tokens from that on are taken */
};

struct crowd {
	pid_t pid;
	unsigned port;
	struct crowd_state *state;
};

struct crowd_conn {
	int fd;
	size_t n;
	bool whole;
	char text[CROWD_BYTES];
};

static void crowd_send(struct crowd_conn *c, int status, const char *body)
{
	char out[CROWD_BYTES];
	int n = snprintf(out, sizeof(out),
			 "HTTP/1.1 %d Some\r\nContent-Length: %zu\r\n\r\n%s",
			 status, strlen(body), body);

	if (send(c->fd, out, (size_t)n, MSG_NOSIGNAL) != n)
		shutdown(c->fd, SHUT_RDWR);
	c->n = 0;
	c->whole = false;
}

static void crowd_answer(struct crowd_state *s, struct crowd_conn *c)
{
	const char *bearer = strstr(c->text, "Authorization: Bearer tok");
	const char *n = strstr(c->text, "{\"n\":");
	const char *get = strstr(c->text, "GET /prod/api/incidents/");
	char body[256], id[80];

	if (strncmp(c->text, "POST /token ", 12) == 0) {
		snprintf(body, sizeof(body),
			 "{\"access_token\":\"tok%u\",\"expires_in\":%u}",
			 atomic_fetch_add(&s->tokens, 1) + 1,
			 atomic_load(&s->life));
		crowd_send(c, 200, body);
	} else if (bearer &&
		   strtoul(bearer + 25, NULL, 10) < atomic_load(&s->newest)) {
		atomic_fetch_add(&s->unauthorized, 1);
		crowd_send(c, 401, "{\"message\":\"expired\"}");
	} else if (strstr(c->text, "POST /prod/api/incidents/bulk ")) {
		crowd_send(c, 202, "{\"job_id\":\"J1\",\"status\":\"queued\"}");
	} else if (strstr(c->text, "/incidents/bulk/J1 ")) {
		crowd_send(c, 200,
			   "{\"status\":\"completed\",\"failed\":["
			   "{\"index\":1,\"message\":\"no\"}]}");
	} else if (strstr(c->text, "POST /prod/api/ai/")) {
		crowd_send(c, 200,
			   "{\"answer\":\"a\",\"citations\":[{"
			   "\"article_id\":\"KB1\"}]}");
	} else if (strstr(c->text, "?limit=2 ")) {
		crowd_send(c, 200,
			   "{\"data\":[{\"id\":\"A\"},{\"id\":\"B\"}],"
			   "\"page\":1,\"has_more\":true}");
	} else if (strstr(c->text, "/notes ")) {
		crowd_send(c, 201, "{\"id\":\"note1\"}");
	} else if (n) {
		snprintf(body, sizeof(body), "{\"id\":\"INC%lu\"}",
			 strtoul(n + 5, NULL, 10));
		crowd_send(c, 201, body);
	} else if (get && sscanf(get + 24, "%63[A-Z0-9]", id) == 1) {
		snprintf(body, sizeof(body), "{\"id\":\"%s\"}", id);
		crowd_send(c, 200, body);
	} else {
		crowd_send(c, 200,
			   "{\"data\":[{\"id\":\"A\"},{\"id\":\"B\"}]}");
	}
}

/* True where one more request is whole. */
static bool crowd_read(struct crowd_conn *c)
{
	ssize_t r = read(c->fd, c->text + c->n, CROWD_BYTES - 1 - c->n);
	size_t need;
	char *end, *length;

	if (r <= 0) {
		close(c->fd);
		c->fd = -1;
		c->n = 0;
		return false;
	}
	c->n += (size_t)r;
	c->text[c->n] = '\0';
	end = strstr(c->text, "\r\n\r\n");
	if (!end)
		return false;
	need = (size_t)(end + 4 - c->text);
	length = strcasestr(c->text, "\r\nContent-Length:");
	if (length && length < end)
		need += strtoul(length + 17, NULL, 10);
	c->whole = c->n >= need;
	return c->whole;
}

static void crowd_accept(struct crowd_conn *conns, int listener)
{
	int fd = accept(listener, NULL, NULL);

	for (size_t i = 0; fd >= 0 && i < CROWD_MAX; i++) {
		if (conns[i].fd < 0) {
			conns[i] = (struct crowd_conn){ .fd = fd };
			return;
		}
	}
	if (fd >= 0)
		close(fd);
}

static void crowd_serve(struct crowd_state *s, int listener)
{
	static struct crowd_conn conns[CROWD_MAX];
	static struct pollfd polled[CROWD_MAX + 1];
	unsigned held = 0;

	for (size_t i = 0; i < CROWD_MAX; i++)
		conns[i].fd = -1;
	for (;;) {
		for (size_t i = 0; i < CROWD_MAX; i++)
			polled[i] = (struct pollfd){
				conns[i].whole ? -1 : conns[i].fd, POLLIN, 0
			};
		polled[CROWD_MAX] = (struct pollfd){ listener, POLLIN, 0 };
		poll(polled, CROWD_MAX + 1, -1);
		if (polled[CROWD_MAX].revents)
			crowd_accept(conns, listener);
		for (size_t i = 0; i < CROWD_MAX; i++)
			if (polled[i].revents && crowd_read(&conns[i])) {
				atomic_fetch_add(&s->requests, 1);
				held++;
			}
		if (held > atomic_load(&s->most))
			atomic_store(&s->most, held);
		if (held == 0 || held < atomic_load(&s->hold))
			continue;
		atomic_store(&s->hold, 0);
		held = 0;
		/* Not in the order in which they came. */
		for (size_t i = CROWD_MAX; i-- > 0;)
			if (conns[i].whole)
				crowd_answer(s, &conns[i]);
	}
}

/* Before the program has a second thread. */
__attribute__((unused)) static void crowd_start(struct crowd *c)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(in);
	struct rlimit most;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	getrlimit(RLIMIT_NOFILE, &most);
	most.rlim_cur = most.rlim_max < 4096 ? most.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &most);
	if (bind(fd, (struct sockaddr *)&in, len) || listen(fd, 2048) ||
	    getsockname(fd, (struct sockaddr *)&in, &len))
		abort();
	c->port = ntohs(in.sin_port);
	c->state = mmap(NULL, sizeof(*c->state), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c->state == MAP_FAILED)
		abort();
	atomic_store(&c->state->life, 3600);
	c->pid = fork();
	if (c->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		crowd_serve(c->state, fd);
	}
	close(fd);
}

__attribute__((unused)) static void crowd_stop(struct crowd *c)
{
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	munmap(c->state, sizeof(*c->state));
}

#endif
