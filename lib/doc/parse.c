#include "doc/json.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "doc/keyset.h"
#include "doc/native.h"

/*
 * json-c's tree, built from a document that json_scan() has passed: nothing
 * is checked twice, and json-c's own tokener, which rounds long integers and
 * forgets digits, never sees foreign bytes.
 */
struct build {
	const char *p, *end;
	json_object *root;
	json_object *open[JSON_DEPTH];
	int depth;
	struct names *names;
	struct buf text;  /* without escapes */
	const char *key;  /* waits for its value; or NULL */
};

/*
 * All names of a document, which json-c would copy one by one. The root holds
 * them as its user data, and goes last.
 */
struct names {
	struct names *next;
	size_t used, size;
	char bytes[];
};

enum {
	NAMES_BLOCK = 960, /* not a large one to malloc */
	ROOM_MAX = 65536, /* taken on trust for one string */
};

static void free_names(struct names *n)
{
	struct names *next;

	for (; n; n = next) {
		next = n->next;
		free(n);
	}
}

static void drop_names(json_object *root, void *names)
{
	(void)root;
	free_names(names);
}

/* A copy with a NUL, NULL when out of memory. */
static char *keep_name(struct build *b, struct str s)
{
	struct names *n = b->names;
	char *p;

	if (!n || n->size - n->used <= s.n) {
		size_t size = s.n < NAMES_BLOCK ? NAMES_BLOCK : s.n + 1;

		n = malloc(sizeof(*n) + size);
		if (!n)
			return NULL;
		n->next = b->names;
		n->used = 0;
		n->size = size;
		b->names = n;
	}
	p = n->bytes + n->used;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	n->used += s.n + 1;
	return p;
}

/*
 * The next quote or backslash, which a string that was scanned has, eight
 * bytes at a time: a byte that is one has its high bit set then, and borrows
 * spoil only bytes above the first such.
 */
static const char *next_mark(const char *p, const char *end)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);

	for (; end - p >= 8; p += 8) {
		uint64_t w, q, s, hit;

		memcpy(&w, p, 8);
		w = le64toh(w);
		q = w ^ ones * '"';
		s = w ^ ones * '\\';
		hit = (((q - ones) & ~q) | ((s - ones) & ~s)) & ones * 0x80;
		if (hit)
			return p + (__builtin_ctzll(hit) >> 3);
	}
	while (*p != '"' && *p != '\\')
		p++;
	return p;
}

/* With escapes: in b->text. */
static struct str take_escaped(struct build *b, const char *from)
{
	const char *p = from;

	buf_reset(&b->text);
	if ((size_t)(b->end - from) <= ROOM_MAX) {
		b->p = json_unescape_to(&b->text, from, b->end) + 1;
		return buf_str(&b->text);
	}
	while (*(p = next_mark(p, b->end)) == '\\')
		p += 2;
	json_unescape(&b->text, (struct str){ from, (size_t)(p - from) });
	b->p = p + 1;
	return buf_str(&b->text);
}

/* At a quote: what the string means, borrowed or in b->text. */
static struct str take_string(struct build *b)
{
	const char *from = b->p + 1, *p = next_mark(from, b->end);

	if (*p == '\\')
		return take_escaped(b, from);
	b->p = p + 1;
	return (struct str){ from, (size_t)(p - from) };
}

/* Into the innermost open container. Takes value; 0 or -ENOMEM. */
static int attach(struct build *b, json_object *value)
{
	json_object *in = b->depth ? b->open[b->depth - 1] : NULL;
	int rc = 0;

	if (!in)
		b->root = value;
	else if (json_object_is_type(in, json_type_array))
		rc = json_object_array_add(in, value);
	else
		rc = json_object_object_add_ex(
			in, b->key, value,
			JSON_C_OBJECT_ADD_KEY_IS_NEW |
				JSON_C_OBJECT_ADD_CONSTANT_KEY);
	b->key = NULL;
	if (rc == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

static int add(struct build *b, json_object *value)
{
	return value ? attach(b, value) : -ENOMEM;
}

static int add_container(struct build *b, json_object *value)
{
	int rc = add(b, value);

	b->p++;
	if (rc == 0)
		b->open[b->depth++] = value;
	return rc;
}

static int add_string(struct build *b)
{
	struct str s = take_string(b);

	if (buf_error(&b->text))
		return -ENOMEM;
	return add(b, json_object_new_string_len(s.p, (int)s.n));
}

static int add_number(struct build *b)
{
	const char *from = b->p;
	struct str text;
	int64_t v;

	while (b->p < b->end && strchr("0123456789+-.eE", *b->p) && *b->p)
		b->p++;
	text = (struct str){ from, (size_t)(b->p - from) };
	/* Up to here an int gives back the digits it came from; "-0" not. */
	if (text.n <= 18 && !str_is(text, "-0") && str_to_i64(&v, text) == 0)
		return add(b, json_object_new_int64(v));
	buf_reset(&b->text);
	buf_put_str(&b->text, text);
	if (buf_error(&b->text))
		return -ENOMEM;
	/* json_double() reads the text when asked. */
	return add(b, json_object_new_double_s(0, b->text.p));
}

static int take_key(struct build *b)
{
	struct str s = take_string(b);

	if (!buf_error(&b->text))
		b->key = keep_name(b, s);
	return b->key ? 0 : -ENOMEM;
}

static int step(struct build *b)
{
	switch (*b->p) {
	case ' ':
	case '\t':
	case '\r':
	case '\n':
	case ',':
	case ':':
		b->p++;
		return 0;
	case '{':
		return add_container(b, json_object_new_object());
	case '[':
		return add_container(b, json_object_new_array());
	case '}':
	case ']':
		b->p++;
		b->depth--;
		return 0;
	case '"':
		if (b->depth && !b->key &&
		    json_object_is_type(b->open[b->depth - 1],
					json_type_object))
			return take_key(b);
		return add_string(b);
	case 't':
		b->p += 4;
		return add(b, json_object_new_boolean(1));
	case 'f':
		b->p += 5;
		return add(b, json_object_new_boolean(0));
	case 'n':
		b->p += 4;
		return attach(b, NULL);
	default:
		return add_number(b);
	}
}

int json_parse(struct json **out, struct str text, unsigned flags,
	       struct err *err)
{
	struct build b = { .p = text.p, .end = text.p + text.n };
	int rc = json_scan(text, flags, err);

	if (rc)
		return rc;
	buf_init(&b.text, JSON_TEXT_MAX);
	while (b.p < b.end && rc == 0)
		rc = step(&b);
	if (flags & JSON_SECRET)
		buf_wipe(&b.text);
	buf_fini(&b.text);
	if (rc) {
		json_object_put(b.root);
		free_names(b.names);
		return err_set(err, rc, "out of memory");
	}
	if (b.names)
		json_object_set_userdata(b.root, b.names, drop_names);
	*out = (struct json *)b.root;
	return 0;
}
