#ifndef RULE_LOADER_H
#define RULE_LOADER_H

#include "doc/yaml.h"
#include "rule/match.h"
#include "rule/template.h"

struct ruleset;
struct map;
struct digest;
struct kept;
struct rule_source;

/* The state of reading one rule file; what it makes lives in arena. */
struct loader {
	struct arena *arena;
	struct faults *faults;
	struct map *refs;	/* path -> struct ref, of the whole set */
	unsigned *slots;	/* handed out in the whole set */
	struct digest *digest;
	struct regex_list *regexes;
	const char *file;	/* for faults */
	const char *directory;	/* of description_file; or NULL */
	const struct rule_source *source;
	size_t source_at;	/* which of the set's */
	struct kept *kept;
	unsigned errors;	/* of this file */
	enum stage stage;	/* what is being read */
};

struct regex_list {
	struct regex **list;
	size_t count, cap;
};

/* Something couldn't be kept, so that the whole set can't be. NULL. */
void *load_no_memory(struct loader *l);

/* Faults at a node, and at the key that it belongs to. */
void load_error(struct loader *l, const struct yaml *at, const char *code,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void load_error_key(struct loader *l, const struct yaml *at, const char *code,
		    const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void load_warn(struct loader *l, int line, int column, const char *code,
	       const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Is v of the type? If not, that is a fault: "`name` holds a list, ...". */
bool load_is(struct loader *l, const struct yaml *v, enum yaml_type type);

/*
 * A map's keys, each with how to read its value into the target at offset.
 * Unknown keys are faults that say what was perhaps meant.
 */
struct key {
	const char *name;
	void (*read)(struct loader *l, const struct yaml *v, void *to);
	size_t offset;
};

void load_keys(struct loader *l, const struct yaml *map, const struct key *keys,
	       void *target);
/* A fault where map lacks name. */
bool load_needs(struct loader *l, const struct yaml *map, const char *name);

/* Readers for struct key. Those of enums and numbers read into int. */
void load_nothing(struct loader *l, const struct yaml *v, void *to);
void load_name(struct loader *l, const struct yaml *v, void *to); /* str */
/* The key of v as a name; STR_NONE and a fault where it is none. */
struct str load_key_name(struct loader *l, const struct yaml *v);
void load_template(struct loader *l, const struct yaml *v, void *to);
void load_span(struct loader *l, const struct yaml *v, void *to); /* int64_t */
/* The same, but 0 is a fault. */
void load_span_some(struct loader *l, const struct yaml *v, void *to);
/* A whole number from low to high, into int64_t. */
void load_number(struct loader *l, const struct yaml *v, int64_t low,
		 int64_t high, void *to);
void load_bool(struct loader *l, const struct yaml *v, void *to); /* int */
void load_severity(struct loader *l, const struct yaml *v, void *to);
void load_priority(struct loader *l, const struct yaml *v, void *to);
void load_match(struct loader *l, const struct yaml *v, void *to);

/* One of words (NULL-terminated) as its index; -1 and a fault otherwise. */
int load_word(struct loader *l, const struct yaml *v, const char *const *words);
/* The interned ref of a path that the current stage may ask, or NULL. */
const struct ref *load_ref(struct loader *l, struct str path, struct err *err);
/* The template in text, whose faults stand at v. */
const struct template *load_template_text(struct loader *l,
					  const struct yaml *v,
					  struct str text);

/*
 * Read a regular file of UTF-8 text at most max bytes long into out, which has
 * room for 8 KiB more. No link and no `..` leads out of directory. 0 or what
 * err says, worded to stand behind the path.
 */
int load_beneath(struct buf *out, const char *directory, struct str path,
		 size_t max, struct err *err);

/* The file that v names, under l->directory: description_file. */
void load_text_file(struct loader *l, const struct yaml *v, void *to);

#endif
