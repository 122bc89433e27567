/*
 * Many calls in flight through one client, as the pages' Node class has them:
 * an incident for each line of standard input.
 *
 *	cc many.c $(pkg-config --cflags --libs stackflow) -o many
 *	./many <titles
 *
 * The environment is that of quick_start.c. A call begins and returns; its end
 * comes in the client's thread. The client keeps StackFlow's rate, however fast
 * calls begin, and closing it waits for them all.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <stackflow/doc/jsonw.h>
#include <stackflow/stackflow.h>

struct counts {
	atomic_ulong created, failed, unknown;
};

static void done(const struct sf_result *r, void *arg)
{
	struct counts *n = arg;

	if (r->outcome == SF_OK)
		atomic_fetch_add(&n->created, 1);
	else if (r->outcome == SF_UNKNOWN)
		atomic_fetch_add(&n->unknown, 1);
	else
		atomic_fetch_add(&n->failed, 1);
	if (r->outcome != SF_OK)
		fprintf(stderr, "%s\n", r->problem);
}

static int begin(struct sf_client *c, struct str title, struct counts *n)
{
	const struct timespec tenth = { .tv_nsec = 100000000 };
	struct buf json = BUF_INIT(65536);
	struct jsonw w = JSONW(&json);
	int ret;

	jsonw_object(&w);
	jsonw_kstr(&w, "short_description", title);
	jsonw_kcstr(&w, "priority", "P4");
	jsonw_end_object(&w);
	/* What the call needs is copied. -EAGAIN: as many wait as may. */
	do
		ret = buf_error(&json) ? buf_error(&json) :
			sf_incident_create(c, buf_str(&json), NULL, done, n);
	while (ret == -EAGAIN && !nanosleep(&tenth, NULL));
	buf_fini(&json);
	return ret;
}

int main(void)
{
	struct counts n = { 0 };
	struct sf_client *c;
	char *line = NULL;
	size_t room = 0;
	struct err err;
	ssize_t got;
	int ret = 0;

	if (sf_client_new_from_env(&c, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	while (!ret && (got = getline(&line, &room, stdin)) >= 0) {
		struct str title = str_trim((struct str){ line, (size_t)got });

		if (title.n)
			ret = begin(c, title, &n);
	}
	free(line);
	if (sf_client_close(c, 600000))
		fprintf(stderr, "not all has ended in ten minutes\n");
	sf_client_free(c);	/* what is left ends as SF_UNKNOWN */
	printf("%lu created, %lu not, %lu perhaps\n", atomic_load(&n.created),
	       atomic_load(&n.failed), atomic_load(&n.unknown));
	return ret || atomic_load(&n.failed) || atomic_load(&n.unknown);
}
