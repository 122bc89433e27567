#include <errno.h>

#include "aws/call.h"
#include "base/encode.h"

/*
 * Enough of XML for the flat answers of the query protocol: elements,
 * attributes, comments, CDATA, character references and the five entities.
 * No DTD, so nothing is ever expanded.
 */

static struct str after(struct str s, size_t n)
{
	return str_sub(s, n, s.n - n);
}

/* Skip up to the end of what begins here; false where it has none. */
static bool skip_past(struct str *s, struct str end)
{
	ssize_t at = str_find(*s, end);

	if (at < 0)
		return false;
	*s = after(*s, (size_t)at + end.n);
	return true;
}

/* "<" is gone: cut the tag off, ">" included; one in quotes doesn't count. */
static bool cut_tag(struct str *s, struct str *tag)
{
	char quote = '\0';

	for (size_t i = 0; i < s->n; i++) {
		char c = s->p[i];

		if (quote) {
			if (c == quote)
				quote = '\0';
		} else if (c == '"' || c == '\'') {
			quote = c;
		} else if (c == '<') {
			return false;
		} else if (c == '>') {
			*tag = str_sub(*s, 0, i);
			*s = after(*s, i + 1);
			return true;
		}
	}
	return false;
}

/* Without attributes, slash and namespace. */
static struct str local_name(struct str tag)
{
	ssize_t colon;
	size_t n = 0;

	while (n < tag.n && !strchr(" \t\r\n/", tag.p[n] ? tag.p[n] : ' '))
		n++;
	tag = str_sub(tag, 0, n);
	colon = str_find_char(tag, ':');
	return colon < 0 ? tag : after(tag, (size_t)colon + 1);
}

static void put_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_putc(out, (char)c);
	} else if (c < 0x800) {
		buf_putc(out, (char)(0xc0 | c >> 6));
		buf_putc(out, (char)(0x80 | (c & 63)));
	} else if (c < 0x10000) {
		buf_putc(out, (char)(0xe0 | c >> 12));
		buf_putc(out, (char)(0x80 | (c >> 6 & 63)));
		buf_putc(out, (char)(0x80 | (c & 63)));
	} else {
		buf_putc(out, (char)(0xf0 | c >> 18));
		buf_putc(out, (char)(0x80 | (c >> 12 & 63)));
		buf_putc(out, (char)(0x80 | (c >> 6 & 63)));
		buf_putc(out, (char)(0x80 | (c & 63)));
	}
}

/* "#65", "#x41" */
static int put_number(struct buf *out, struct str s)
{
	bool hex = s.n > 1 && s.p[1] == 'x';
	size_t i = hex ? 2 : 1;
	uint32_t c = 0;

	if (i == s.n || s.n - i > 7)
		return -EINVAL;
	for (; i < s.n; i++) {
		char d = s.p[i];

		if (d >= '0' && d <= '9')
			c = c * (hex ? 16 : 10) + (uint32_t)(d - '0');
		else if (hex && (d | 32) >= 'a' && (d | 32) <= 'f')
			c = c * 16 + (uint32_t)((d | 32) - 'a' + 10);
		else
			return -EINVAL;
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return -EINVAL;
	put_utf8(out, c);
	return 0;
}

static int put_entity(struct buf *out, struct str name)
{
	static const struct {
		const char *name;
		char c;
	} known[] = {
		{ "lt", '<' },	 { "gt", '>' },	   { "amp", '&' },
		{ "quot", '"' }, { "apos", '\'' },
	};

	if (name.n && name.p[0] == '#')
		return put_number(out, name);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (str_is(name, known[i].name)) {
			buf_putc(out, known[i].c);
			return 0;
		}
	}
	return -EINVAL;
}

static int put_text(struct buf *out, struct str s)
{
	struct str plain;

	while (s.n) {
		ssize_t at = str_find_char(s, '&'), end;

		plain = at < 0 ? s : str_sub(s, 0, (size_t)at);
		buf_put_str(out, plain);
		s = after(s, plain.n);
		if (at < 0)
			break;
		/* The longest is "&#x10FFFF;". */
		end = str_find_char(str_sub(s, 0, s.n < 12 ? s.n : 12), ';');
		if (end < 0 || put_entity(out, str_sub(s, 1, (size_t)end - 1)))
			return -EINVAL;
		s = after(s, (size_t)end + 1);
	}
	return 0;
}

/* What stands from here to the element's own end; no element within. */
static int put_content(struct buf *out, struct str s, const char *name)
{
	struct str tag;

	for (;;) {
		ssize_t at = str_find_char(s, '<');

		if (at < 0 || put_text(out, str_sub(s, 0, (size_t)at)))
			return -EINVAL;
		s = after(s, (size_t)at);
		if (str_starts(s, "<![CDATA[")) {
			s = after(s, 9);
			at = str_find(s, STR("]]>"));
			if (at < 0)
				return -EINVAL;
			buf_put_str(out, str_sub(s, 0, (size_t)at));
			s = after(s, (size_t)at + 3);
		} else if (str_starts(s, "<!--")) {
			if (!skip_past(&s, STR("-->")))
				return -EINVAL;
		} else {
			s = after(s, 1);
			if (!cut_tag(&s, &tag) || !str_starts(tag, "/") ||
			    !str_is(local_name(after(tag, 1)), name))
				return -EINVAL;
			return 1;
		}
	}
}

/* Go on to the next opening tag: 1 with its text, 0 at the end. */
static int next_open(struct str *s, struct str *tag)
{
	for (;;) {
		ssize_t at = str_find_char(*s, '<');
		bool ok;

		if (at < 0)
			return 0;
		*s = after(*s, (size_t)at);
		if (str_starts(*s, "<!--")) {
			ok = skip_past(s, STR("-->"));
		} else if (str_starts(*s, "<![CDATA[")) {
			ok = skip_past(s, STR("]]>"));
		} else if (str_starts(*s, "<?")) {
			ok = skip_past(s, STR("?>"));
		} else if (str_starts(*s, "<!")) {
			ok = false;
		} else {
			*s = after(*s, 1);
			ok = cut_tag(s, tag);
			if (ok && !str_starts(*tag, "/"))
				return 1;
		}
		if (!ok)
			return -EINVAL;
	}
}

int aws_xml_text(struct buf *out, struct str xml, const char *name)
{
	size_t from = out->n;
	struct str tag;
	int rc;

	while ((rc = next_open(&xml, &tag)) > 0)
		if (str_is(local_name(tag), name))
			break;
	if (rc <= 0)
		return rc;
	if (str_ends(tag, "/"))
		return 1;
	rc = put_content(out, xml, name);
	if (buf_error(out))
		return buf_error(out);
	if (rc > 0 && !utf8_valid(str_sub(buf_str(out), from, out->n - from)))
		rc = -EINVAL;
	if (rc < 0)
		buf_truncate(out, from);
	return rc;
}
