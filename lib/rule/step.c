/* What all stages of a decision do. */
#include "rule/decide.h"

#include "base/clock.h"
#include "rule/text.h"

void decide_explain(struct decision *d, struct str where, const char *rule,
		    size_t n, bool matched, const char *because)
{
	if (!d->trace)
		return;
	trace_add(d->trace, where,
		  n ? arena_printf(d->trace->arena, "%s[%zu]", rule, n)
		    : str_from(rule),
		  matched, str_from(because));
}

void decide_add(struct decision *d, const char *fmt, ...)
{
	struct buf b = BUF_INIT(40000);
	struct trace_step *last;
	va_list ap;

	if (!d->trace || !d->trace->count)
		return;
	last = &d->trace->steps[d->trace->count - 1];
	buf_put_str(&b, last->because);
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	last->because = arena_str(d->trace->arena, buf_str(&b));
	buf_fini(&b);
}

void decide_span(struct decision *d, int64_t ms)
{
	struct buf b = BUF_INIT(64);

	if (!d->trace)
		return;
	clock_put_span(&b, ms);
	decide_add(d, "%.*s", STR_ARG(buf_str(&b)));
	buf_fini(&b);
}

bool decide_match(struct decision *d, const struct match *m, struct str where,
		  const char *rule, size_t n, struct str id)
{
	bool yes = match_run(m, &d->run);

	if (d->trace)
		trace_match(d->trace, where,
			    id.p ? arena_printf(d->trace->arena, "%s %.*s",
						rule, STR_ARG(id))
				 : arena_printf(d->trace->arena, "%s[%zu]",
						rule, n),
			    m, &d->run);
	return yes;
}

bool decide_render(struct decision *d, const struct template *t)
{
	size_t missing;

	buf_reset(&d->text);
	missing = template_render(t, &d->facts, &d->text);
	if (buf_error(&d->text))
		d->run.error = buf_error(&d->text);
	return missing == 0 && d->text.n > 0;
}

struct str decide_line(struct decision *d, struct str s, size_t max)
{
	return s.n <= max && text_plain(s) ? arena_str(d->arena, s)
					   : text_line(d->arena, s, max);
}
