#ifndef AGENT_THREAD_H
#define AGENT_THREAD_H

#include <pthread.h>

#include "base/err.h"

/*
 * A thread of that name, of at most 15 characters. 0, or -EAGAIN with words:
 * the system has none to give.
 */
int thread_start(pthread_t *out, const char *name, void *(*run)(void *arg),
		 void *arg, struct err *err) MUST_CHECK;

#endif
