#include "doc/markup.h"

#include "base/encode.h"

void markup_put(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		switch (s.p[i]) {
		case '&':
			buf_puts(out, "&amp;");
			break;
		case '<':
			buf_puts(out, "&lt;");
			break;
		case '>':
			buf_puts(out, "&gt;");
			break;
		case '"':
			buf_puts(out, "&quot;");
			break;
		case '\'':
			buf_puts(out, "&#39;");
			break;
		default:
			buf_putc(out, s.p[i]);
		}
}

void markup_put_safe(struct buf *out, struct str s, size_t max)
{
	struct buf safe = BUF_INIT(max + 16);

	utf8_put_safe(&safe, s, max);
	if (buf_error(&safe))
		out->error = out->error ? out->error : buf_error(&safe);
	else
		markup_put(out, buf_str(&safe));
	buf_fini(&safe);
}
