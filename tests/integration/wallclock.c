/*
 * Preloaded: the clocks of a process are ahead by as many nanoseconds as the
 * file that WALLCLOCK names says, at each look: by its first number the wall
 * clock, by its second those that count what has passed. Who waits already
 * waits on. Asks the kernel itself, so that sanitizers' own wrappers may call
 * it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static const volatile int64_t *ahead;
static __typeof__(&pthread_cond_clockwait) clockwait;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("WALLCLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at = fd < 0 ? MAP_FAILED :
		   mmap(NULL, 2 * sizeof(*ahead), PROT_READ, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (at != MAP_FAILED)
		ahead = at;
	*(void **)&clockwait = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
}

static int64_t ahead_of(clockid_t id)
{
	if (!ahead)
		return 0;
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		return ahead[0];
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		return ahead[1];
	default:
		return 0;
	}
}

static struct timespec plus(struct timespec t, int64_t ns)
{
	ns += t.tv_sec * SECOND + t.tv_nsec;
	return (struct timespec){ ns / SECOND, ns % SECOND };
}

int clock_gettime(clockid_t id, struct timespec *out)
{
	int rc = (int)syscall(SYS_clock_gettime, id, out);

	if (!rc)
		*out = plus(*out, ahead_of(id));
	return rc;
}

/* The program's conditions all wait by CLOCK_MONOTONIC, which the kernel sees
 * as it is. */
int pthread_cond_timedwait(pthread_cond_t *restrict c,
			   pthread_mutex_t *restrict m,
			   const struct timespec *restrict until)
{
	struct timespec t = plus(*until, -ahead_of(CLOCK_MONOTONIC));

	return clockwait(c, m, CLOCK_MONOTONIC, &t);
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &now))
		return -1;
	out->tv_sec = now.tv_sec;
	out->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
