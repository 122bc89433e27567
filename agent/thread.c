#include "agent/thread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct start {
	const char *name;
	void *(*run)(void *arg);
	void *arg;
};

/* Names itself: its work may well have begun before its maker goes on. */
static void *begin(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	pthread_setname_np(pthread_self(), s.name);
	return s.run(s.arg);
}

int thread_start(pthread_t *out, const char *name, void *(*run)(void *arg),
		 void *arg, struct err *err)
{
	struct start *s = malloc(sizeof(*s));
	int rc = ENOMEM;

	if (s) {
		*s = (struct start){ name, run, arg };
		rc = pthread_create(out, NULL, begin, s);
	}
	if (rc) {
		free(s);
		return err_set(err, -EAGAIN, "can't start the %s thread: %s",
			       name, strerror(rc));
	}
	return 0;
}
