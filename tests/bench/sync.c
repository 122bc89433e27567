/*
 * What the disk asks for one durable write: COUNT times 2 KB appended to FILE
 * and fdatasync. Prints the median and the 99th percentile in microseconds.
 *
 *	sync FILE COUNT
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	static const char bytes[2048] = "x";
	long count = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
	double *us = calloc(count > 0 ? (size_t)count : 1, sizeof(*us));
	int fd;

	if (count < 1 || !us) {
		fprintf(stderr, "usage: sync FILE COUNT\n");
		return 2;
	}
	fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	for (long i = 0; i < count; i++) {
		double from = now_us();

		if (fd < 0 || write(fd, bytes, sizeof(bytes)) < 0 ||
		    fdatasync(fd)) {
			perror(argv[1]);
			return 1;
		}
		us[i] = now_us() - from;
	}
	qsort(us, (size_t)count, sizeof(*us), by_size);
	printf("%.1f %.1f\n", us[count / 2], us[count * 99 / 100]);
	free(us);
	close(fd);
	return 0;
}
