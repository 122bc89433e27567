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

/* Blanks and ends of lines are one blank; what markup begins with has another
 * form. */
static void put_tame(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		switch (c) {
		case ' ':
		case '\t':
		case '\n':
		case '\r':
			if (out->n && out->p[out->n - 1] != ' ')
				buf_putc(out, ' ');
			break;
		case '<':
			buf_puts(out, "\u2039");
			break;
		case '>':
			buf_puts(out, "\u203a");
			break;
		case '[':
		case ']':
			buf_putc(out, c == '[' ? '(' : ')');
			break;
		case '`':
			buf_putc(out, '\'');
			break;
		default:
			buf_putc(out, c);
			/* http://, and what is like it */
			if (c == ':' && str_starts(str_sub(s, i, s.n - i),
						   "://"))
				buf_putc(out, ' ');
		}
	}
}

void markup_put_plain(struct buf *out, struct str s, size_t max)
{
	/* Of a text much longer than what is shown, no more is looked at. */
	struct str head = utf8_cut(s, 4 * max + 16);
	struct buf tame = BUF_INIT(3 * head.n + 16);

	put_tame(&tame, head);
	if (buf_error(&tame))
		out->error = out->error ? out->error : buf_error(&tame);
	else
		utf8_put_safe(out, str_trim(buf_str(&tame)), max);
	buf_fini(&tame);
}
