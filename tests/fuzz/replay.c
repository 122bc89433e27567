/*
 * A main for a fuzz target without libFuzzer: runs every file of the folders
 * named on the command line through it, so that corpora are tested by `make
 * check` with any compiler.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
	struct buf b = BUF_INIT(64 << 20);
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		perror(path);
		return 1;
	}
	do {
		char *to = buf_room(&b, 65536);

		n = to ? fread(to, 1, 65536, f) : 0;
		if (to)
			buf_added(&b, n);
	} while (n);
	fclose(f);
	LLVMFuzzerTestOneInput((const uint8_t *)buf_str(&b).p, b.n);
	buf_fini(&b);
	return 0;
}

int main(int argc, char **argv)
{
	int count = 0, failed = 0;

	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		struct dirent *e;
		char path[4096];

		if (!d) {
			perror(argv[i]);
			return 1;
		}
		while ((e = readdir(d))) {
			if (e->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "%s/%s", argv[i],
				 e->d_name);
			failed |= run_file(path);
			count++;
		}
		closedir(d);
	}
	printf("%s: %d inputs\n", argv[0], count);
	return failed || count == 0;
}
