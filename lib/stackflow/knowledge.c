#include "stackflow/knowledge.h"

#include "base/encode.h"
#include "stackflow/client.h"

#define URL_MAX 2048

int sf_article_list(struct sf_client *c, const char *query, struct str next,
		    sf_done *done, void *arg)
{
	return sf_list_start(c, "/knowledge/articles", query, next, done, arg);
}

/* Fit to be followed: no blank, no control character, ASCII alone. */
static bool url_usable(struct str url)
{
	return url.n <= URL_MAX && ascii_visible(url) &&
	       (str_starts(url, "https://") || str_starts(url, "http://"));
}

bool sf_article_read(struct sf_article *out, const struct json *row)
{
	static const char *const ids[] = { "id", "number", "article_id",
					   NULL };
	static const char *const titles[] = { "title", "short_description",
					      NULL };
	static const char *const urls[] = { "url", "link", NULL };
	static const char *const texts[] = { "body", "text", "content",
					     "summary", NULL };
	struct sf_article a = {
		.id = sf_row_str(row, ids),
		.title = sf_row_str(row, titles),
		.url = sf_row_str(row, urls),
		.text = sf_row_str(row, texts),
	};

	if (!sf_id_usable(a.id))
		return false;
	if (!url_usable(a.url))
		a.url = STR_NONE;
	*out = a;
	return true;
}
