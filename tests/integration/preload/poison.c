/*
 * A preloaded library that ends the process when the thread named "triage"
 * makes the marker of a key that holds "poison-pill": an event that kills
 * whoever decides it. With POISON_AFTER in the environment only while the file
 * of that name is there; then also where that thread reads such a payload, as
 * it does for an incident's timer.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int in_triage(void)
{
	char name[16] = "";

	pthread_getname_np(pthread_self(), name, sizeof(name));
	return strcmp(name, "triage") == 0;
}

unsigned char *HMAC(const void *md, const void *key, int key_len,
		    const unsigned char *data, size_t n, unsigned char *out,
		    unsigned int *out_len)
{
	static unsigned char *(*real)(const void *, const void *, int,
				      const unsigned char *, size_t,
				      unsigned char *, unsigned int *);
	const char *after = getenv("POISON_AFTER");

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "HMAC");
	if (in_triage() && memmem(data, n, "poison-pill", 11) &&
	    (!after || !access(after, F_OK)))
		kill(getpid(), SIGKILL);
	return real(md, key, key_len, data, n, out, out_len);
}

const void *sqlite3_column_blob(void *row, int column)
{
	static const void *(*blob)(void *, int);
	static int (*bytes)(void *, int);
	const char *after = getenv("POISON_AFTER");
	const void *p;
	size_t n;

	if (!blob) {
		*(void **)&blob = dlsym(RTLD_NEXT, "sqlite3_column_blob");
		*(void **)&bytes = dlsym(RTLD_NEXT, "sqlite3_column_bytes");
	}
	p = blob(row, column);
	if (!after || !p || !in_triage())
		return p;
	n = (size_t)bytes(row, column);
	if (memmem(p, n, "poison-pill", 11) &&
	    memmem(p, n, "NewStateValue", 13) && !access(after, F_OK))
		kill(getpid(), SIGKILL);
	return p;
}
