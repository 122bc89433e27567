#include "agent/sandbox/form.h"

#include <stdarg.h>

#include "agent/sandbox/wire.h"
#include "base/encode.h"
#include "doc/jsonw.h"

static struct str decode(struct str text, struct arena *a)
{
	struct buf plain = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);
	struct str s = STR_NONE;

	for (size_t i = 0; i < text.n; i++)
		buf_putc(&plain, text.p[i] == '+' ? ' ' : text.p[i]);
	if (!decode_url(&out, buf_str(&plain)) && !buf_error(&out))
		s = arena_str(a, buf_str(&out));
	buf_fini(&plain);
	buf_fini(&out);
	return s;
}

struct str box_form_get(struct str form, const char *name, struct arena *a)
{
	struct str pair, key;

	while (str_cut(&form, '&', &pair))
		if (str_cut(&pair, '=', &key) && str_is(key, name))
			return decode(pair, a);
	return STR_NONE;
}

void box_reply_error(struct wire_reply *r, int status, const char *code,
		     const char *fmt, ...)
{
	struct buf text = BUF_INIT(4096);
	struct jsonw w = JSONW(&r->body);
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	buf_reset(&r->body);
	r->status = status;
	r->type = NULL;
	jsonw_object(&w);
	jsonw_kcstr(&w, "error", code);
	jsonw_kstr(&w, "message", buf_str(&text));
	jsonw_end_object(&w);
	buf_fini(&text);
}
