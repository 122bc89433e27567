#include "agent/thread.h"

#include <errno.h>
#include <string.h>

int thread_start(pthread_t *out, const char *name, void *(*run)(void *arg),
		 void *arg, struct err *err)
{
	int rc = pthread_create(out, NULL, run, arg);

	if (rc)
		return err_set(err, -EAGAIN, "can't start the %s thread: %s",
			       name, strerror(rc));
	pthread_setname_np(*out, name);
	return 0;
}
