#include "agent/cmd/match.h"

#include "doc/json.h"
#include "doc/jsonw.h"

/* A name that a glob would read as more is matched by an expression. */
static void put_exactly(struct jsonw *w, struct str name)
{
	struct buf re = BUF_INIT(16384);
	bool plain = true;

	buf_putc(&re, '^');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] && strchr("*?\\[]{}", name.p[i]))
			plain = false;
		if (name.p[i] && strchr(".*+?^${}()|[]\\", name.p[i]))
			buf_putc(&re, '\\');
		buf_putc(&re, name.p[i]);
	}
	buf_putc(&re, '$');
	jsonw_key(w, "alarm");
	if (plain) {
		jsonw_str(w, name);
	} else {
		jsonw_object(w);
		jsonw_kstr(w, "re", buf_str(&re));
		jsonw_end_object(w);
	}
	buf_fini(&re);
}

bool match_put_alarm(struct buf *out, const struct json *row)
{
	struct jsonw w = JSONW(out);
	struct str alarm = json_get_str(row, "alarm");

	if (!alarm.n)
		return false;
	jsonw_object(&w);
	put_exactly(&w, alarm);
	if (json_get_str(row, "account").n)
		jsonw_kstr(&w, "account", json_get_str(row, "account"));
	if (json_get_str(row, "region").n)
		jsonw_kstr(&w, "region", json_get_str(row, "region"));
	jsonw_end_object(&w);
	return true;
}

void match_put_name(struct buf *out, struct str name)
{
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	put_exactly(&w, name);
	jsonw_end_object(&w);
}
