#ifndef AGENT_CONF_PRIVATE_H
#define AGENT_CONF_PRIVATE_H

#include <stddef.h>

#include "agent/conf.h"
#include "doc/yaml.h"

/*
 * How conf*.c read a configuration: a tree of keys (conf_keys.c) is walked
 * beside the YAML tree (conf_walk.c), scalars are expanded (conf_text.c), and
 * what concerns several keys is checked at the end (conf_sense.c, conf_url.c,
 * conf_aws.c, conf_stackflow.c).
 */
enum kind {
	KIND_TEXT,	/* const char *; never empty */
	KIND_PATH,	/* const char *, made absolute */
	KIND_URL,	/* const char *; https beyond loopback */
	KIND_BOOL,
	KIND_INT,	/* int, unsigned or an enum; min to max */
	KIND_SPAN,	/* int64_t, ms */
	KIND_SPAN_INT,	/* unsigned, ms */
	KIND_SPAN_OFF,	/* KIND_SPAN, or off: 0 */
	KIND_SIZE,	/* uint64_t */
	KIND_SIZE_T,	/* size_t */
	KIND_CHOICE,	/* int: index in choices */
	KIND_CHOICES,	/* bool[]: those of a list are set */
	KIND_TEXTS,	/* const char *const *, NULL-ended */
	KIND_PATHS,
	KIND_MAP,	/* of keys, in the same struct */
	KIND_MAPS,	/* a list of structs of item bytes; count beside it */
	KIND_PAIRS,	/* any key with text: struct conf_cmdb_filter */
};

struct conf_key {
	const char *name;
	enum kind kind;
	size_t offset;
	size_t count;		/* offset of a size_t; 0: not kept */
	bool required;
	int64_t min, max, number;	/* number: the default */
	const char *text;		/* the default */
	const char *const *list;	/* the default, or the choices */
	const struct conf_key *keys;	/* ended by a NULL name */
	size_t item;
};

extern const struct conf_key conf_keys[];

/* Memory of one snapshot, all wiped at its end. */
struct conf_chunk {
	struct conf_chunk *next;
	size_t size;
	max_align_t bytes[];
};

struct conf_walk {
	struct conf_chunk **chunks;
	const char *file, *folder;
	struct faults *faults;
	bool look;		/* see conf_look() */
	bool no_memory;		/* sticky */
	char path[160];		/* of the key at hand: "stackflow.timeout" */
};

/* Zeroed; NULL when out of memory, which the walk keeps. */
void *conf_alloc(struct conf_walk *w, size_t n);
char *conf_keep(struct conf_walk *w, struct str s);
char *conf_keep_path(struct conf_walk *w, struct str s);
void conf_chunks_free(struct conf_chunk *chunks);

void conf_fault(struct conf_walk *w, const struct yaml *at, const char *code,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* A warning in a look, else an error: what only the agent can know. */
void conf_missing(struct conf_walk *w, const struct yaml *at, const char *code,
		  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void conf_warn(struct conf_walk *w, const struct yaml *at, const char *code,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * v with ${...} replaced, in *out; a scalar that had some counts as plain.
 * 0, or 1 where one could not be resolved (a fault says so).
 */
int conf_expand(struct conf_walk *w, const struct yaml *v, struct yaml *out);

/* Whole regular file of at most max bytes. err says why not, without text. */
int conf_read_file(struct buf *out, const char *path, size_t max,
		   unsigned *mode, struct err *err);

void conf_set_defaults(const struct conf_key *keys, void *base);
void conf_walk_map(struct conf_walk *w, const struct conf_key *keys,
		   const struct yaml *v, void *base);

/* Is url http(s) with a host and nothing odd, https beyond loopback? Else
 * what is wrong. */
const char *conf_url_problem(struct str url);
/* The same of stackflow.link, which only people follow. */
const char *conf_link_problem(struct str url);
/* HOST:PORT, [HOST]:PORT or unix:/PATH */
bool conf_address_ok(struct str address);

/* The node along names (NULL-ended), or the nearest above it that exists. */
const struct yaml *conf_node(const struct yaml *root, ...)
	__attribute__((sentinel));

void conf_fill_stackflow(struct conf_walk *w, const struct yaml *root,
			 struct conf *c);
void conf_check_sense(struct conf_walk *w, const struct yaml *root,
		      struct conf *c);
/* Why this is no queue's URL; NULL: it is one. */
const char *conf_queue_problem(struct str url);
void conf_check_aws(struct conf_walk *w, const struct yaml *root,
		    struct conf *c);

#endif
