#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "web/loop.h"
#include "web/server.h"
#include "web/tls.h"

enum { BACKLOG = 1024 };

static int option(int fd, int level, int name)
{
	int one = 1;

	return setsockopt(fd, level, name, &one, sizeof(one));
}

/* The first answer for "[::]:8443", "127.0.0.1:0", "localhost:80", ":80". */
static int resolve(struct addrinfo **out, const char *address, struct err *err)
{
	const struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct str whole = str_from(address), host;
	const char *colon = strrchr(address, ':');
	char name[256] = "::";
	uint64_t port;
	int rc;

	if (!colon || str_to_u64(&port, str_from(colon + 1)) || port > 65535)
		return err_set(err, -EINVAL,
			       "%s: an address is HOST:PORT, [IPV6]:PORT or "
			       "unix:PATH",
			       address);
	host = str_sub(whole, 0, (size_t)(colon - address));
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = str_sub(host, 1, host.n - 2);
	else if (str_find_char(host, ':') >= 0)
		return err_set(err, -EINVAL,
			       "%s: an IPv6 address stands in brackets",
			       address);
	if (host.n >= sizeof(name))
		return err_set(err, -EINVAL, "%s: name too long", address);
	if (host.n) {
		memcpy(name, host.p, host.n);
		name[host.n] = '\0';
	}
	rc = getaddrinfo(name, colon + 1, &hints, out);
	if (rc)
		return err_set(err, -EADDRNOTAVAIL, "%s: %s", address,
			       gai_strerror(rc));
	return 0;
}

/* A socket of sa's kind, or of IPv4 for [::] on a machine without IPv6. */
static int open_socket(struct sockaddr_storage *sa, socklen_t *n)
{
	const int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)sa;
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	int fd = socket(sa->ss_family, type, 0);

	if (fd >= 0 || errno != EAFNOSUPPORT || sa->ss_family != AF_INET6 ||
	    !IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
		return fd < 0 ? -errno : fd;
	in4.sin_port = in6->sin6_port;
	memcpy(sa, &in4, sizeof(in4));
	*n = sizeof(in4);
	fd = socket(AF_INET, type, 0);
	return fd < 0 ? -errno : fd;
}

enum sharing { ALONE, FIRST, FURTHER };

static int bind_one(int *out, struct sockaddr_storage *sa, socklen_t *n,
		    enum sharing how)
{
	int fd = open_socket(sa, n), zero = 0, rc;

	if (fd < 0)
		return fd;
	option(fd, SOL_SOCKET, SO_REUSEADDR);
	option(fd, IPPROTO_TCP, TCP_NODELAY); /* accepted ones inherit it */
	if (sa->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	/*
	 * The first binds alone, so that an address in use by somebody else is
	 * an error and not shared with them; the others then join it.
	 */
	if (how == FURTHER)
		option(fd, SOL_SOCKET, SO_REUSEPORT);
	if (bind(fd, (struct sockaddr *)sa, *n))
		goto fail;
	if (how == FIRST && option(fd, SOL_SOCKET, SO_REUSEPORT))
		goto fail;
	if (how != FURTHER && getsockname(fd, (struct sockaddr *)sa, n))
		goto fail;
	if (listen(fd, BACKLOG))
		goto fail;
	*out = fd;
	return 0;
fail:
	rc = -errno;
	close(fd);
	return rc;
}

static unsigned port_of(const struct sockaddr_storage *sa)
{
	if (sa->ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)sa)->sin_port);
	if (sa->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)sa)->sin6_port);
	return 0;
}

static int bind_address(struct listener *ln, const char *address,
			unsigned loops, struct err *err)
{
	struct sockaddr_storage sa = { 0 };
	struct addrinfo *info = NULL;
	socklen_t n;
	int rc = resolve(&info, address, err);

	if (rc || !info)
		return rc;
	n = info->ai_addrlen;
	memcpy(&sa, info->ai_addr, n);
	freeaddrinfo(info);
	for (unsigned i = 0; i < loops; i++) {
		rc = bind_one(&ln->bound[i].fd, &sa, &n,
			      i		  ? FURTHER
			      : loops > 1 ? FIRST
					  : ALONE);
		if (rc) {
			errno = -rc;
			return err_set(err, rc, "%s can't be listened on: %m",
				       address);
		}
		atomic_init(&ln->bound[i].users, 1);
		ln->bounds++;
	}
	ln->family = sa.ss_family;
	ln->port = port_of(&sa);
	return 0;
}

/* Does a program listen on that socket, or was it left behind? */
static bool forsaken(const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool dead;

	if (fd < 0)
		return false;
	dead = connect(fd, (const struct sockaddr *)un, sizeof(*un)) &&
	       errno == ECONNREFUSED;
	close(fd);
	return dead;
}

static int bind_path(struct listener *ln, const char *path, unsigned loops,
		     struct err *err)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct stat st;
	int fd, rc;

	if (strlen(path) >= sizeof(un.sun_path) || !*path)
		return err_set(err, -EINVAL,
			       "unix:%s: a path has 1 to %zu bytes", path,
			       sizeof(un.sun_path) - 1);
	memcpy(un.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, -errno, "unix:%s: no socket: %m", path);
	rc = bind(fd, (struct sockaddr *)&un, sizeof(un));
	if (rc && errno == EADDRINUSE && forsaken(&un) && !unlink(path))
		rc = bind(fd, (struct sockaddr *)&un, sizeof(un));
	if (rc || listen(fd, BACKLOG)) {
		rc = err_set(err, -errno, "unix:%s can't be listened on: %m",
			     path);
		close(fd);
		return rc;
	}
	ln->bound[0].fd = fd;
	atomic_init(&ln->bound[0].users, loops);
	ln->bounds = 1;
	ln->family = AF_UNIX;
	ln->path = strdup(path);
	if (ln->path && !lstat(path, &st)) {
		ln->dev = st.st_dev;
		ln->ino = st.st_ino;
	}
	return 0;
}

static int adopt(struct listener *ln, int fd, unsigned loops, struct err *err)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t n = sizeof(sa), flag_n = sizeof(int);
	int listening = 0, flags = fcntl(fd, F_GETFL);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &flag_n) ||
	    !listening || getsockname(fd, (struct sockaddr *)&sa, &n) ||
	    flags < 0)
		return err_set(err, -ENOTSOCK,
			       "file descriptor %d is no listening socket", fd);
	if (sa.ss_family != AF_INET && sa.ss_family != AF_INET6 &&
	    sa.ss_family != AF_UNIX)
		return err_set(err, -EAFNOSUPPORT,
			       "file descriptor %d is neither an internet nor "
			       "a unix socket",
			       fd);
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC))
		return err_set(err, -errno, "file descriptor %d: %m", fd);
	if (sa.ss_family != AF_UNIX)
		option(fd, IPPROTO_TCP, TCP_NODELAY);
	ln->bound[0].fd = fd;
	atomic_init(&ln->bound[0].users, loops);
	ln->bounds = 1;
	ln->family = sa.ss_family;
	ln->port = port_of(&sa);
	return 0;
}

static int read_networks(struct listener *ln, const struct web_listener *conf,
			 struct err *err)
{
	size_t n = 0;

	while (conf->proxy_from && conf->proxy_from[n])
		n++;
	ln->from = calloc(n + 1, sizeof(*ln->from));
	if (!ln->from)
		return err_set(err, -ENOMEM, "out of memory");
	for (; ln->from_count < n; ln->from_count++) {
		const char *text = conf->proxy_from[ln->from_count];

		if (network_read(&ln->from[ln->from_count], str_from(text)))
			return err_set(err, -EINVAL,
				       "%s: no network like 10.0.0.0/8", text);
	}
	return 0;
}

int listener_new(struct listener **out, const struct web_listener *conf,
		 unsigned loops, struct err *err)
{
	struct listener *ln = calloc(1, sizeof(*ln));
	int rc = 0;

	if (ln)
		ln->bound = calloc(loops, sizeof(*ln->bound));
	if (!ln || !ln->bound) {
		free(ln);
		return err_set(err, -ENOMEM, "out of memory");
	}
	ln->conf = *conf;
	if (conf->certificate)
		rc = tls_new(&ln->tls, conf->certificate, conf->key, err);
	ln->ours = conf->fd < 0;
	if (rc == 0 && conf->proxy)
		rc = read_networks(ln, conf, err);
	if (rc == 0 && !ln->ours)
		rc = adopt(ln, conf->fd, loops, err);
	else if (rc == 0 && str_starts(str_from(conf->address), "unix:"))
		rc = bind_path(ln, conf->address + 5, loops, err);
	else if (rc == 0)
		rc = bind_address(ln, conf->address, loops, err);
	/* Only numbers and pointers that last are kept of it. */
	ln->conf.address = ln->conf.certificate = ln->conf.key = NULL;
	ln->conf.proxy_from = NULL;
	if (rc < 0) {
		listener_free(ln);
		return rc;
	}
	*out = ln;
	return 0;
}

void bound_leave(struct bound *b)
{
	if (atomic_fetch_sub(&b->users, 1) == 1) {
		close(b->fd);
		b->fd = -1;
	}
}

void listener_free(struct listener *ln)
{
	struct stat st;

	if (!ln)
		return;
	if (ln->path && !lstat(ln->path, &st) && st.st_dev == ln->dev &&
	    st.st_ino == ln->ino)
		unlink(ln->path);
	for (unsigned i = 0; i < ln->bounds; i++)
		if (ln->bound[i].fd >= 0)
			close(ln->bound[i].fd);
	tls_free(ln->tls);
	free(ln->from);
	free(ln->bound);
	free(ln->path);
	free(ln);
}
