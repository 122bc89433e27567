#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

/*
 * A borrowed run of bytes. It owns nothing, is valid as long as its owner
 * says, and need not end with NUL. An absent string has p == NULL.
 */
struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){ "" lit, sizeof(lit) - 1 })
#define STR_NONE ((struct str){ NULL, 0 })
/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_from(const char *cstr)
{
	return (struct str){ cstr, cstr ? strlen(cstr) : 0 };
}

static inline struct str str_sub(struct str s, size_t from, size_t n)
{
	return (struct str){ s.p + from, n };
}

bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *cstr);
bool str_is_nocase(struct str a, const char *cstr);	/* ASCII only */
int str_cmp(struct str a, struct str b);		/* byte order */
bool str_starts(struct str s, const char *prefix);
bool str_ends(struct str s, const char *suffix);

/* Offset of the first occurrence, or -1. */
ssize_t str_find(struct str s, struct str needle);
ssize_t str_find_char(struct str s, char c);

/* Without leading and trailing blanks, tabs, CR and LF. */
struct str str_trim(struct str s);

/*
 * Cut the next field off *rest at sep. False once nothing is left; an empty
 * last field after a trailing separator is returned.
 */
bool str_cut(struct str *rest, char sep, struct str *field);

/*
 * Whole-string numbers: no blanks, no plus sign, no leftovers.
 * 0, -EINVAL or -ERANGE; *out untouched on failure.
 */
int str_to_u64(uint64_t *out, struct str s);
int str_to_i64(int64_t *out, struct str s);
int str_to_double(double *out, struct str s);

/*
 * Does s match the glob? `*` any run, `?` one byte-or-UTF-8 character, the
 * rest itself, case-sensitive. Time is O(len(glob) * len(s)) at most.
 */
bool str_glob(struct str glob, struct str s);

/* Equal in time that depends on the lengths only. */
bool str_eq_secret(struct str a, struct str b);

#endif
