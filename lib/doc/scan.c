#include "doc/json.h"

#include <errno.h>

#include "doc/keyset.h"
#include "doc/listen.h"
#include "doc/plain.h"
#include "doc/utf8.h"

struct frame {
	bool object;
	struct keyset_mark keys;
};

struct scan {
	const unsigned char *p, *start, *end;
	unsigned flags;
	struct err *err;
	size_t values, containers;
	int depth;
	struct frame frames[JSON_DEPTH];
	struct keyset keys;
	struct listener *listener;	/* NULL: nobody asks */
	struct scanned value;		/* the latest */
};

/* What may stand next. */
enum next { VALUE, VALUE_OR_END, KEY, KEY_OR_END, AFTER };

static int bad(struct scan *s, const unsigned char *at, const char *reason)
{
	return err_set(s->err, -EINVAL, "not strict JSON: %s at offset %zu",
		       reason, (size_t)(at - s->start));
}

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' ||
				 *s->p == '\r' || *s->p == '\t'))
		s->p++;
}

static int hex(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit of \uXXXX at p, -1 where there is none. */
static int code_unit(const unsigned char *p, const unsigned char *end)
{
	int v = 0;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int d = hex(p[i]);

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* At a backslash. */
static int scan_escape(struct scan *s, bool no_nul)
{
	const unsigned char *p = s->p;
	int unit;

	if (s->end - p < 2)
		return bad(s, p, "a string without its end");
	switch (p[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		s->p += 2;
		return 0;
	case 'u':
		break;
	default:
		return bad(s, p, "an unknown escape");
	}
	unit = code_unit(p, s->end);
	if (unit < 0)
		return bad(s, p, "\\u without four hexadecimal digits");
	if (unit == 0 && no_nul)
		return bad(s, p, "\\u0000");
	s->p += 6;
	if ((unit & 0xf800) != 0xd800)
		return 0;
	if (unit & 0x400 || (code_unit(s->p, s->end) & ~0x3ff) != 0xdc00)
		return bad(s, p, "a lone surrogate");
	s->p += 6;
	return 0;
}

/* At a quote; *raw is what stands between it and the next. */
static int scan_string(struct scan *s, bool no_nul, struct str *raw,
		       bool *escaped)
{
	const unsigned char *from = ++s->p;
	uint32_t cp;
	size_t n;
	int rc;

	*escaped = false;
	for (;;) {
		s->p = plain_skip(s->p, s->end, escaped);
		if (s->p == s->end)
			return bad(s, from - 1, "a string without its end");
		if (*s->p == '"')
			break;
		if (*s->p == '\\') {
			*escaped = true;
			rc = scan_escape(s, no_nul);
			if (rc)
				return rc;
			continue;
		}
		if (*s->p < 0x20)
			return bad(s, s->p, "a bare control character");
		n = utf8_char(s->p, s->end, &cp);
		if (n == 0)
			return bad(s, s->p, "invalid UTF-8");
		s->p += n;
	}
	*raw = (struct str){ (const char *)from, (size_t)(s->p - from) };
	s->p++;
	return 0;
}

static bool digit_at(const struct scan *s)
{
	return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static bool digits(struct scan *s)
{
	const unsigned char *from = s->p;

	while (digit_at(s))
		s->p++;
	return s->p > from;
}

/* RFC 8259, section 6. */
static int scan_number(struct scan *s)
{
	const unsigned char *from = s->p;

	if (*s->p == '-')
		s->p++;
	if (s->p < s->end && *s->p == '0')
		s->p++;
	else if (!digits(s))
		return bad(s, from, "a minus without digits");
	if (digit_at(s))
		return bad(s, from, "a number with a leading zero");
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (!digits(s))
			return bad(s, from, "a number without decimals");
	}
	if (s->p < s->end && (*s->p | 0x20) == 'e') {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (!digits(s))
			return bad(s, from, "a number without its exponent");
	}
	if (s->p - from > JSON_NUMBER_MAX)
		return bad(s, from, "a number of over 1000 characters");
	return 0;
}

static int scan_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n))
		return bad(s, s->p, "an unknown word");
	s->p += n;
	return 0;
}

static int open_container(struct scan *s, bool object)
{
	struct frame *f;

	if (s->depth == JSON_DEPTH)
		return bad(s, s->p, "more than 32 levels");
	if (++s->containers > JSON_CONTAINERS_MAX)
		return bad(s, s->p, "too many arrays and objects");
	f = &s->frames[s->depth++];
	f->object = object;
	keyset_open(&s->keys, &f->keys);
	s->p++;
	return 0;
}

static void close_container(struct scan *s)
{
	keyset_close(&s->keys, &s->frames[--s->depth].keys);
	s->p++;
	if (s->listener && s->listener->end)
		s->listener->end(s->listener);
}

static int scan_any(struct scan *s, enum next *next, struct str *raw,
		    bool *escaped)
{
	if (++s->values > JSON_VALUES_MAX)
		return bad(s, s->p, "too many values");
	*next = AFTER;
	switch (*s->p) {
	case '{':
		*next = KEY_OR_END;
		return open_container(s, true);
	case '[':
		*next = VALUE_OR_END;
		return open_container(s, false);
	case '"':
		return scan_string(s, s->flags & JSON_NO_NUL, raw, escaped);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	case '-':
		return scan_number(s);
	default:
		if (digit_at(s))
			return scan_number(s);
		return bad(s, s->p, "no value");
	}
}

static enum json_type type_at(unsigned char first)
{
	switch (first) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'n':
		return JSON_NULL;
	default:
		return JSON_NUMBER;
	}
}

static int scan_value(struct scan *s, enum next *next)
{
	const unsigned char *from = s->p;
	struct scanned *v = &s->value;
	struct str raw = STR_NONE;
	int rc;

	v->type = type_at(*from);
	v->depth = s->depth;
	v->member = s->depth && s->frames[s->depth - 1].object;
	v->escaped = false;
	rc = scan_any(s, next, &raw, &v->escaped);
	if (rc || !s->listener)
		return rc;
	if (v->type == JSON_STRING)
		v->text = raw;
	else if (*next == AFTER)
		v->text = (struct str){ (const char *)from,
					(size_t)(s->p - from) };
	else
		v->text = STR_NONE;
	return s->listener->value(s->listener, v);
}

static int scan_key(struct scan *s)
{
	const unsigned char *at = s->p;
	struct str raw = STR_NONE;
	bool escaped = false;
	int rc;

	if (*s->p != '"')
		return bad(s, s->p, "no key in double quotes");
	rc = scan_string(s, true, &raw, &escaped);
	if (rc)
		return rc;
	rc = keyset_add(&s->keys, &s->frames[s->depth - 1].keys, raw, escaped);
	if (rc > 0)
		return err_set(s->err, -EINVAL,
			       "not strict JSON: the key "
			       "\"%.*s\" a second time in one object at "
			       "offset %zu",
			       (int)(raw.n < 60 ? raw.n : 60), raw.p,
			       (size_t)(at - s->start));
	if (rc)
		return err_set(s->err, rc, "out of memory");
	s->value.key = raw;
	s->value.key_escaped = escaped;
	skip_blanks(s);
	if (s->p == s->end || *s->p != ':')
		return bad(s, s->p, "no colon after a key");
	s->p++;
	return 0;
}

/* Behind a value, at no blank. */
static int scan_after(struct scan *s, enum next *next)
{
	bool object;

	if (s->depth == 0)
		return bad(s, s->p, "more after the document");
	object = s->frames[s->depth - 1].object;
	if (*s->p == ',') {
		s->p++;
		*next = object ? KEY : VALUE;
		return 0;
	}
	if (*s->p != (object ? '}' : ']'))
		return bad(s, s->p,
			   object ? "no comma or } after a member"
				  : "no comma or ] after an item");
	close_container(s);
	return 0;
}

static int scan_step(struct scan *s, enum next *next)
{
	int rc;

	if ((*next == KEY_OR_END && *s->p == '}') ||
	    (*next == VALUE_OR_END && *s->p == ']')) {
		close_container(s);
		*next = AFTER;
		return 0;
	}
	switch (*next) {
	case KEY:
	case KEY_OR_END:
		rc = scan_key(s);
		*next = VALUE;
		return rc;
	case VALUE:
	case VALUE_OR_END:
		return scan_value(s, next);
	case AFTER:
		break;
	}
	return scan_after(s, next);
}

int json_scan(struct str text, unsigned flags, struct err *err)
{
	return json_scan_to(NULL, text, flags, err);
}

int json_scan_to(struct listener *l, struct str text, unsigned flags,
		 struct err *err)
{
	struct scan s;
	enum next next = VALUE;
	int rc = 0;

	if (text.n > JSON_TEXT_MAX)
		return err_set(err, -EINVAL, "a JSON document of over 64 MiB");
	s.p = s.start = (const unsigned char *)(text.p ? text.p : "");
	s.end = s.start + text.n;
	s.flags = flags;
	s.err = err;
	s.values = s.containers = 0;
	s.depth = 0;
	s.listener = l;
	keyset_init(&s.keys);
	for (skip_blanks(&s); s.p < s.end && rc == 0; skip_blanks(&s))
		rc = scan_step(&s, &next);
	if (rc == 0 && (next != AFTER || s.depth > 0))
		rc = bad(&s, s.p, "an unfinished document");
	while (s.depth > 0)
		keyset_close(&s.keys, &s.frames[--s.depth].keys);
	keyset_fini(&s.keys);
	return rc;
}
