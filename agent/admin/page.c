/* The status page: three files that are part of the program. */
#include "agent/admin/api.h"

#include "agent/embed.h"
#include "base/encode.h"

EMBED(page_html, "agent/admin/page/page.html");
EMBED(page_css, "agent/admin/page/page.css");
EMBED(page_js, "agent/admin/page/page.js");

#define POLICY                                                            \
	"default-src 'none'; script-src 'self'; style-src 'self'; "       \
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; "     \
	"form-action 'none'; frame-ancestors 'none'"

/* The same bytes have the same tag, whatever program they came with. */
static void put_tag(struct buf *out, struct str bytes)
{
	static const uint8_t key[16];

	buf_printf(out, "\"%016llx\"",
		   (unsigned long long)hash_sip(key, bytes.p, bytes.n));
}

/* Is the tag in a list such as `W/"a", "b"`, or the list `*`? */
static bool has_tag(struct str list, struct str tag)
{
	struct str one;

	while (list.p && str_cut(&list, ',', &one)) {
		one = str_trim(one);
		if (str_starts(one, "W/"))
			one = str_sub(one, 2, one.n - 2);
		if (str_eq(one, tag) || str_is(one, "*"))
			return true;
	}
	return false;
}

static void put(struct api_answer *r, const struct web_request *req,
		const char *type, const char *from, const char *end)
{
	struct str bytes = { from, (size_t)(end - from) };
	struct buf tag = BUF_INIT(32);

	put_tag(&tag, bytes);
	r->type = type;
	buf_printf(&r->own_headers,
		   "ETag: %s\r\n"
		   "Cache-Control: no-cache\r\n"
		   "Content-Security-Policy: " POLICY "\r\n"
		   "X-Content-Type-Options: nosniff\r\n"
		   "Referrer-Policy: no-referrer\r\n",
		   tag.p ? tag.p : "");
	if (has_tag(web_header(req, "if-none-match"), buf_str(&tag)))
		r->status = 304;
	else
		buf_put_str(&r->out, bytes);
	buf_fini(&tag);
}

void api_page(struct agent *a, const struct web_request *req, struct str arg,
	      struct api_answer *r)
{
	(void)a;
	(void)arg;
	put(r, req, "text/html; charset=utf-8", page_html, page_html_end);
}

void api_page_css(struct agent *a, const struct web_request *req,
		  struct str arg, struct api_answer *r)
{
	(void)a;
	(void)arg;
	put(r, req, "text/css; charset=utf-8", page_css, page_css_end);
}

void api_page_js(struct agent *a, const struct web_request *req,
		 struct str arg, struct api_answer *r)
{
	(void)a;
	(void)arg;
	put(r, req, "text/javascript; charset=utf-8", page_js, page_js_end);
}
