/*
 * A preloaded library between the program and its disk. DISK_STATE names a
 * file of 16 bytes, which the test maps as well:
 *
 *	int32	0 as usual, 1 syncs wait until it is 0, 2 they fail (EIO)
 *	uint64	at 8: how many syncs of regular files succeeded
 *
 * With DISK_DURABLE a file that is read and written is copied to that folder
 * when it is synced: what a power cut at this moment would leave of it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct state {
	_Atomic int32_t mode;
	int32_t unused;
	_Atomic uint64_t syncs;
};

enum { AS_USUAL, WAIT, FAIL };

static struct state *state;
static const char *durable;
static pthread_mutex_t copying = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("DISK_STATE");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED :
			   mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE,
				MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (p != MAP_FAILED)
		state = p;
	durable = getenv("DISK_DURABLE");
}

/* All of in, as it stands now, under the name's last part. */
static int copy_all(int in, const char *name)
{
	char to[4096], part[4110], bytes[65536];
	const char *base = strrchr(name, '/');
	off_t at = 0;
	ssize_t n;
	int out, ret;

	base = base ? base + 1 : name;
	if (snprintf(to, sizeof(to), "%s/%s", durable, base) >=
	    (int)sizeof(to))
		return -1;
	snprintf(part, sizeof(part), "%s.part", to);
	out = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0)
		return -1;
	while ((n = pread(in, bytes, sizeof(bytes), at)) > 0 &&
	       write(out, bytes, (size_t)n) == n)
		at += n;
	ret = n == 0 && rename(part, to) == 0 ? 0 : -1;
	close(out);
	return ret;
}

static void keep(int fd)
{
	char link[64], name[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, name, sizeof(name) - 1);
	if (n <= 0 || (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR)
		return;
	name[n] = '\0';
	/* By its own descriptor: closing another one would end its locks. */
	pthread_mutex_lock(&copying);
	if (copy_all(fd, name))
		abort();
	pthread_mutex_unlock(&copying);
}

static int sync_with(int (*real)(int), int fd)
{
	struct stat st;
	int ret;

	if (!state || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return real(fd);
	while (state->mode == WAIT)
		usleep(1000);
	if (state->mode == FAIL) {
		errno = EIO;
		return -1;
	}
	ret = real(fd);
	if (ret == 0) {
		if (durable)
			keep(fd);
		state->syncs++;
	}
	return ret;
}

int fdatasync(int fd)
{
	static int (*real)(int);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
	return sync_with(real, fd);
}

int fsync(int fd)
{
	static int (*real)(int);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fsync");
	return sync_with(real, fd);
}
