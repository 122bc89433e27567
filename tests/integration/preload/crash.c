/*
 * A preloaded library that ends the process with SIGKILL at the n-th call of
 * one system call's wrapper, before or after it is carried out:
 *
 *	CRASH_CALL=fdatasync CRASH_AT=3 CRASH_WHEN=before|after
 *
 * Only calls on what matters are counted: send and recv on sockets, and with
 * CRASH_THREAD=sqs- only in threads whose name begins so. The crash comes from
 * outside; the program knows nothing of it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_int calls;

static int wanted(const char *name)
{
	const char *call = getenv("CRASH_CALL");

	return call && strcmp(call, name) == 0;
}

static int in_thread(void)
{
	const char *thread = getenv("CRASH_THREAD");
	char name[16] = "";

	if (!thread)
		return 1;
	pthread_getname_np(pthread_self(), name, sizeof(name));
	return strncmp(name, thread, strlen(thread)) == 0;
}

static void crash_if(const char *name, const char *when, int n)
{
	const char *at = getenv("CRASH_AT"), *w = getenv("CRASH_WHEN");

	if (wanted(name) && at && w && strcmp(w, when) == 0 &&
	    n == (int)strtol(at, NULL, 10)) {
		kill(getpid(), SIGKILL);
		pause();
	}
}

static int count(const char *name)
{
	return wanted(name) && in_thread() ? atomic_fetch_add(&calls, 1) + 1 :
					      0;
}

#define WRAP(ret, name, label, guard, params, args)                           \
	ret name params                                                       \
	{                                                                     \
		static ret(*real) params;                                     \
		ret result;                                                   \
		int n = 0;                                                    \
									      \
		if (!real)                                                    \
			*(void **)&real = dlsym(RTLD_NEXT, #name);            \
		if (guard)                                                    \
			n = count(label);                                     \
		if (n)                                                        \
			crash_if(label, "before", n);                         \
		result = real args;                                           \
		if (n)                                                        \
			crash_if(label, "after", n);                          \
		return result;                                                \
	}

static int is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

WRAP(int, fdatasync, "sync", 1, (int fd), (fd))
WRAP(int, fsync, "sync", 1, (int fd), (fd))
WRAP(ssize_t, send, "send", 1, (int fd, const void *p, size_t n_, int f),
     (fd, p, n_, f))
WRAP(ssize_t, recv, "recv", 1, (int fd, void *p, size_t n_, int f),
     (fd, p, n_, f))
WRAP(ssize_t, sendmsg, "send", 1, (int fd, const struct msghdr *m, int f),
     (fd, m, f))
WRAP(ssize_t, write, "send", is_socket(fd), (int fd, const void *p, size_t n_),
     (fd, p, n_))
WRAP(ssize_t, writev, "send", is_socket(fd),
     (int fd, const struct iovec *v, int n_), (fd, v, n_))
WRAP(ssize_t, read, "recv", is_socket(fd), (int fd, void *p, size_t n_),
     (fd, p, n_))
WRAP(int, connect, "connect", 1,
     (int fd, const struct sockaddr *a, socklen_t n_), (fd, a, n_))

/* An SNS signature, the first of a certificate and those that follow. */
WRAP(int, EVP_PKEY_verify, "verify", 1,
     (void *c, const unsigned char *s, size_t n_, const unsigned char *h,
      size_t m_),
     (c, s, n_, h, m_))
WRAP(int, EVP_PKEY_verify_recover, "verify", 1,
     (void *c, unsigned char *o, size_t *n_, const unsigned char *s, size_t m_),
     (c, o, n_, s, m_))
