/*
 * A preloaded library that ends the process when the thread named "triage"
 * makes the marker of a key that holds "poison-pill": an event that kills
 * whoever decides it. With POISON_AFTER in the environment only while the file
 * of that name is there.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

unsigned char *HMAC(const void *md, const void *key, int key_len,
		    const unsigned char *data, size_t n, unsigned char *out,
		    unsigned int *out_len)
{
	static unsigned char *(*real)(const void *, const void *, int,
				      const unsigned char *, size_t,
				      unsigned char *, unsigned int *);
	char name[16] = "";

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "HMAC");
	pthread_getname_np(pthread_self(), name, sizeof(name));
	if (strcmp(name, "triage") == 0 &&
	    memmem(data, n, "poison-pill", 11) &&
	    (!getenv("POISON_AFTER") || !access(getenv("POISON_AFTER"), F_OK)))
		kill(getpid(), SIGKILL);
	return real(md, key, key_len, data, n, out, out_len);
}
