#include "doc/json.h"

#include <errno.h>

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
	struct buf key, text; /* without escapes */
	bool keyed;	      /* key waits for its value */
};

/* At a quote: what the string means, borrowed or in scratch. */
static struct str take_string(struct build *b, struct buf *scratch)
{
	const char *from = ++b->p, *quote = NULL, *slash;
	bool escaped = false;
	struct str raw;

	for (;;) {
		if (!quote || quote < b->p)
			quote = memchr(b->p, '"', (size_t)(b->end - b->p));
		slash = memchr(b->p, '\\', (size_t)(quote - b->p));
		if (!slash)
			break;
		escaped = true;
		b->p = slash + 2;
	}
	raw = (struct str){ from, (size_t)(quote - from) };
	b->p = quote + 1;
	if (!escaped)
		return raw;
	buf_reset(scratch);
	json_unescape(scratch, raw);
	return buf_str(scratch);
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
		rc = json_object_object_add_ex(in, b->key.p, value,
					       JSON_C_OBJECT_ADD_KEY_IS_NEW);
	b->keyed = false;
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
	struct str s = take_string(b, &b->text);

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
	struct str s = take_string(b, &b->key);

	if (s.p != b->key.p) {
		buf_reset(&b->key);
		buf_put_str(&b->key, s);
	}
	b->keyed = true;
	return buf_error(&b->key) ? -ENOMEM : 0;
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
		if (b->depth && !b->keyed &&
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
	buf_init(&b.key, JSON_TEXT_MAX);
	buf_init(&b.text, JSON_TEXT_MAX);
	while (b.p < b.end && rc == 0)
		rc = step(&b);
	buf_fini(&b.key);
	buf_fini(&b.text);
	if (rc) {
		json_object_put(b.root);
		return err_set(err, rc, "out of memory");
	}
	*out = (struct json *)b.root;
	return 0;
}
