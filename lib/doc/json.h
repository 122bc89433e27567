#ifndef DOC_JSON_H
#define DOC_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * Strict JSON. A scanner of our own (RFC 8259, no duplicate keys, valid
 * UTF-8, no lone surrogates, depth 32, nothing after the document) runs in
 * front of json-c, whose own strict mode takes NaN, single quotes, overlong
 * UTF-8, duplicate keys and a NUL in a key that then equals a shorter one.
 */
struct json;			/* a value; children are borrowed from the root */

enum json_type {
	JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT,
};

enum {
	JSON_NO_NUL = 1,	/* \u0000 refused in values too (always in keys) */
	JSON_SECRET = 2,	/* no copy stays but the tree's: see
				   json_free_wiped() */
};

#define JSON_DEPTH 32
/*
 * json-c needs some 850 bytes for an empty object and 64 for a digit; these
 * keep what a document grows to in proportion to what was sent.
 */
#define JSON_CONTAINERS_MAX 20000
#define JSON_VALUES_MAX 50000
#define JSON_TEXT_MAX (64 << 20)
#define JSON_NUMBER_MAX 1000	/* characters */

/*
 * Is text one strict JSON document? 0 or -EINVAL with offset and reason in
 * err; never recurses, linear time, -ENOMEM where it can't keep the keys.
 */
int json_scan(struct str text, unsigned flags, struct err *err);

/* Scan, then build. The root is yours: json_free(). 0, -EINVAL, -ENOMEM. */
int json_parse(struct json **out, struct str text, unsigned flags,
	       struct err *err) MUST_CHECK;
void json_free(struct json *root);
/* The same, the bytes of all strings overwritten first: where one is a secret. */
void json_free_wiped(struct json *root);

/*
 * A member of a document's outermost object, read without a tree: who wants a
 * few strings of a document that is otherwise nobody's.
 */
struct json_member {
	struct str key;		/* yours, set before */
	enum json_type type;	/* JSON_NULL: absent or null */
	struct str value;	/* of a string */
	bool escaped;		/* it came with escapes */
};

/*
 * Scan, and find what list names. The strings' bytes are in *text, yours to
 * buf_fini(). 0, -EINVAL (no object, or no strict JSON), -ENOMEM.
 */
int json_members(struct buf *text, struct json_member *list, size_t count,
		 struct str document, unsigned flags, struct err *err)
	MUST_CHECK;
/* As json_want_str(), of one that was read. */
int json_member_str(struct str *out, const struct json_member *m,
		    struct err *err) MUST_CHECK;

enum json_type json_type(const struct json *v);		/* NULL: JSON_NULL */
bool json_is(const struct json *v, enum json_type type);

/* Member of an object; NULL where absent, null or v is no object. */
const struct json *json_get(const struct json *v, const char *key);
/* The same, along keys: json_at(v, "detail", "state", "value", NULL). */
const struct json *json_at(const struct json *v, ...)
	__attribute__((sentinel));

/* A string's bytes with length, and a NUL behind them where json_parse() built
 * it; STR_NONE where v is none. */
struct str json_str(const struct json *v);
/* json_str(json_get(v, key)) */
struct str json_get_str(const struct json *v, const char *key);
/* A member's point of time, as clock_parse() takes it; 0: none is there. */
int64_t json_get_time(const struct json *v, const char *key);
/*
 * For input whose field types are a contract: 1 found, 0 absent or null,
 * -EINVAL another type (*out untouched, err names the key and what was found).
 */
int json_want_str(struct str *out, const struct json *v, const char *key,
		  struct err *err) MUST_CHECK;

/* A number as double; def where v is none. */
double json_double(const struct json *v, double def);
int64_t json_int(const struct json *v, int64_t def);	/* saturated */
bool json_bool(const struct json *v, bool def);

size_t json_count(const struct json *v);	/* of an array or object */
const struct json *json_item(const struct json *array, size_t i);

/* Walk an object's members: start with *at = NULL; false at the end. */
bool json_next(const struct json *object, void **at, struct str *key,
	       const struct json **value);

/* RFC 6901, "/detail/state"; NULL where it leads nowhere. */
const struct json *json_pointer(const struct json *v, struct str pointer);

/*
 * A scalar as people write it: a string's bytes, a number's own digits as
 * they came, true, false; STR_NONE for null; containers as compact JSON.
 */
struct str json_text(const struct json *v, struct arena *arena);

/* Append compact JSON. */
void json_put(struct buf *out, const struct json *v);

#endif
