/*
 * A preloaded library under which the n-th thread can't be had, as where a
 * limit on processes is reached: THREADS_FAIL=3. The following ones can.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

int pthread_create(pthread_t *out, const pthread_attr_t *attr,
		   void *(*fn)(void *), void *arg)
{
	static int (*real)(pthread_t *, const pthread_attr_t *,
			   void *(*)(void *), void *);
	static atomic_int calls;
	const char *fail = getenv("THREADS_FAIL");

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	if (fail && atomic_fetch_add(&calls, 1) + 1 == strtol(fail, NULL, 10))
		return EAGAIN;
	return real(out, attr, fn, arg);
}
