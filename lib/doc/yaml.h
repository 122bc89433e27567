#ifndef DOC_YAML_H
#define DOC_YAML_H

#include "base/arena.h"
#include "base/err.h"
#include "doc/fault.h"

/*
 * A YAML document as a tree that knows where everything stood. Read over
 * libyaml's events with caps (1 MiB, depth 32, 100,000 events, aliases
 * counted, 10,000 nodes by way of them), because libyaml 0.2.5 has no nesting
 * limit and is quadratic in it. Tags, merge keys, several documents and
 * duplicate keys are faults. Scalars are YAML 1.2 core: `no` is text.
 */
enum yaml_type { YAML_NULL, YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml {
	enum yaml_type type;	/* YAML_NULL: absent value, ~ or null */
	bool quoted;		/* a quoted or block scalar: always text */
	struct str text;	/* a scalar's, NUL-terminated */
	int line, column;	/* from 1 */
	struct str key;		/* of this member, where the parent is a map */
	int key_line, key_column;
	size_t count;		/* of children */
	struct yaml *child;	/* the first */
	struct yaml *next;	/* sibling */
};

/*
 * Read text into arena. file is for the faults. NULL and at least one fault
 * where it can't be read; an empty document is a YAML_NULL node.
 */
struct yaml *yaml_read(struct arena *arena, struct str text, const char *file,
		       struct faults *faults);
/*
 * The same, but what can be left out (the second of duplicate keys, merge
 * keys, tags) is a fault that doesn't cost the tree: for loaders that report
 * everything in one go and then count errors.
 */
struct yaml *yaml_read_on(struct arena *arena, struct str text,
			  const char *file, struct faults *faults);

/* A member of a map; NULL where absent. */
const struct yaml *yaml_get(const struct yaml *map, const char *key);

/*
 * Scalars: 0, or -EINVAL where the node isn't of the kind (quoted numbers are
 * text; durations and sizes may be quoted). yaml_text takes any scalar.
 */
int yaml_text(struct str *out, const struct yaml *v);
int yaml_bool(bool *out, const struct yaml *v);		/* true false */
int yaml_int(int64_t *out, const struct yaml *v);
int yaml_double(double *out, const struct yaml *v);
int yaml_span(int64_t *out_ms, const struct yaml *v);	/* 500ms 30s 5m 2h 7d */
int yaml_size(uint64_t *out, const struct yaml *v);	/* 256KiB 2GiB 10B */

/* "text", "a list", "a map", "nothing": for messages */
const char *yaml_type_name(const struct yaml *v);

#endif
