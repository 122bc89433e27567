#include "doc/jsonw.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "doc/plain.h"
#include "doc/utf8.h"

static void separate(struct jsonw *w)
{
	if (w->comma)
		buf_putc(w->out, ',');
	w->comma = 1;
}

void jsonw_object(struct jsonw *w)
{
	separate(w);
	buf_putc(w->out, '{');
	w->comma = 0;
}

void jsonw_end_object(struct jsonw *w)
{
	buf_putc(w->out, '}');
	w->comma = 1;
}

void jsonw_array(struct jsonw *w)
{
	separate(w);
	buf_putc(w->out, '[');
	w->comma = 0;
}

void jsonw_end_array(struct jsonw *w)
{
	buf_putc(w->out, ']');
	w->comma = 1;
}

static void put_control(struct buf *out, uint32_t cp)
{
	static const char short_from[] = "\b\f\n\r\t\"\\",
			  short_to[] = "bfnrt\"\\";
	const char *at = cp && cp < 0x80 ? strchr(short_from, (int)cp) : NULL;

	if (at) {
		buf_putc(out, '\\');
		buf_putc(out, short_to[at - short_from]);
	} else {
		buf_printf(out, "\\u%04" PRIx32, cp);
	}
}

void jsonw_put_quoted(struct buf *out, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;
	uint32_t cp;
	size_t n;

	buf_putc(out, '"');
	while (p < end) {
		const unsigned char *plain = plain_end(p, end);

		buf_put(out, p, (size_t)(plain - p));
		p = plain;
		if (p == end)
			break;
		n = utf8_char(p, end, &cp);
		if (n == 0)
			buf_puts(out, "\xef\xbf\xbd");
		else if (cp < 0xa0 || cp == 0x2028 || cp == 0x2029)
			put_control(out, cp);
		else
			buf_put(out, p, n);
		p += n ? n : 1;
	}
	buf_putc(out, '"');
}

void jsonw_key_str(struct jsonw *w, struct str key)
{
	separate(w);
	jsonw_put_quoted(w->out, key);
	buf_putc(w->out, ':');
	w->comma = 0;
}

void jsonw_key(struct jsonw *w, const char *key)
{
	jsonw_key_str(w, str_from(key));
}

void jsonw_raw(struct jsonw *w, struct str json)
{
	separate(w);
	buf_put_str(w->out, json);
}

void jsonw_null(struct jsonw *w)
{
	jsonw_raw(w, STR("null"));
}

void jsonw_str(struct jsonw *w, struct str s)
{
	if (!s.p) {
		jsonw_null(w);
		return;
	}
	separate(w);
	jsonw_put_quoted(w->out, s);
}

void jsonw_cstr(struct jsonw *w, const char *s)
{
	jsonw_str(w, str_from(s));
}

void jsonw_int(struct jsonw *w, int64_t v)
{
	separate(w);
	buf_printf(w->out, "%" PRId64, v);
}

/* The shortest form that reads back as the same number. */
void jsonw_double(struct jsonw *w, double v)
{
	char text[32];

	if (!isfinite(v)) {
		jsonw_null(w);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	jsonw_raw(w, str_from(text));
}

void jsonw_bool(struct jsonw *w, bool v)
{
	jsonw_raw(w, v ? STR("true") : STR("false"));
}

void jsonw_time(struct jsonw *w, int64_t ms)
{
	if (!ms) {
		jsonw_null(w);
		return;
	}
	separate(w);
	buf_putc(w->out, '"');
	clock_put(w->out, ms);
	buf_putc(w->out, '"');
}

void jsonw_kstr(struct jsonw *w, const char *key, struct str s)
{
	jsonw_key(w, key);
	jsonw_str(w, s);
}

void jsonw_kcstr(struct jsonw *w, const char *key, const char *s)
{
	jsonw_key(w, key);
	jsonw_cstr(w, s);
}

void jsonw_kint(struct jsonw *w, const char *key, int64_t v)
{
	jsonw_key(w, key);
	jsonw_int(w, v);
}

void jsonw_kbool(struct jsonw *w, const char *key, bool v)
{
	jsonw_key(w, key);
	jsonw_bool(w, v);
}

void jsonw_ktime(struct jsonw *w, const char *key, int64_t ms)
{
	jsonw_key(w, key);
	jsonw_time(w, ms);
}
