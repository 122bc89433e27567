#include "agent/sandbox/mask.h"

#include "doc/json.h"

static bool is_secret(struct str name)
{
	static const char *const names[] = {
		"PASSWORD", "REFRESH_TOKEN", "SECRET_HASH", "NEW_PASSWORD",
		"AccessToken", "IdToken", "RefreshToken", "ClientSecret",
		"Session", "client_secret", "access_token", "id_token",
		"refresh_token", "api_key", "token", "client_assertion",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_is_nocase(name, names[i]))
			return true;
	return false;
}

void mask_header(struct buf *out, struct str name, struct str value)
{
	struct str scheme;

	if (str_is_nocase(name, "Authorization") ||
	    str_is_nocase(name, "Proxy-Authorization")) {
		if (str_find_char(value, ' ') > 0 &&
		    str_cut(&value, ' ', &scheme))
			buf_printf(out, "%.*s ", STR_ARG(scheme));
		buf_puts(out, "***");
	} else if (str_is_nocase(name, "X-Api-Key") ||
		   str_is_nocase(name, "Cookie")) {
		buf_puts(out, "***");
	} else {
		buf_put_str(out, value);
	}
}

/* The end of the string that begins at text[from] with its quote. */
static size_t string_end(struct str text, size_t from)
{
	size_t i = from + 1;

	while (i < text.n && text.p[i] != '"')
		i += text.p[i] == '\\' ? 2 : 1;
	return i < text.n ? i + 1 : text.n;
}

static size_t skip_to(struct str text, size_t i)
{
	while (i < text.n && memchr(" \t\r\n:", text.p[i], 5))
		i++;
	return i;
}

/* What follows a secret's name as a string is left out. */
static void mask_json(struct buf *out, struct str text)
{
	size_t i = 0, end, value;
	const char *quote;

	while (i < text.n) {
		quote = memchr(text.p + i, '"', text.n - i);
		end = quote ? (size_t)(quote - text.p) : text.n;
		buf_put(out, text.p + i, end - i);
		if (!quote)
			break;
		i = end;
		end = string_end(text, i);
		value = skip_to(text, end);
		buf_put_str(out, str_sub(text, i, end - i));
		if (end - i > 2 && value > end && value < text.n &&
		    text.p[value] == '"' &&
		    is_secret(str_sub(text, i + 1, end - i - 2))) {
			buf_puts(out, ":\"***\"");
			end = string_end(text, value);
		}
		i = end;
	}
}

static void mask_form(struct buf *out, struct str rest)
{
	struct str pair, name;
	bool first = true;

	while (str_cut(&rest, '&', &pair)) {
		bool named = str_find_char(pair, '=') >= 0;

		if (!first)
			buf_putc(out, '&');
		first = false;
		str_cut(&pair, '=', &name);
		buf_put_str(out, name);
		if (named)
			buf_putc(out, '=');
		buf_put_str(out, is_secret(name) ? STR("***") : pair);
	}
}

static bool is_form(struct str body)
{
	for (size_t i = 0; i < body.n; i++)
		if ((unsigned char)body.p[i] <= ' ' ||
		    memchr("\"{}[]", body.p[i], 5))
			return false;
	return str_find_char(body, '=') > 0;
}

void mask_body(struct buf *out, struct str body, bool credentials)
{
	struct str text = str_trim(body);

	if (credentials && json_scan(body, 0, NULL) && !is_form(body))
		buf_puts(out, body.n ? "***" : "");
	else if (is_form(body))
		mask_form(out, body);
	else if (str_starts(text, "{") || str_starts(text, "["))
		mask_json(out, body);
	else
		buf_put_str(out, body);
}
