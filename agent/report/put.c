#include "agent/report/put.h"

#include "agent/replay/report.h"
#include "base/clock.h"

static uint64_t share(uint64_t of, uint64_t in, uint64_t times)
{
	return in ? (of * times + in / 2) / in : 0;
}

size_t totals_rows(struct totals_row out[TOTALS_ROWS],
		   const struct team_facts *t)
{
	const struct totals *a = &t->now, *b = &t->before;
	const uint64_t *p = a->by_priority, *q = b->by_priority;
	const struct totals_row rows[TOTALS_ROWS] = {
		{ "alarms", a->alarms, b->alarms, false },
		{ "incidents", a->incidents, b->incidents, false },
		{ "alarms per incident",
		  share(a->alarms, a->incidents, 10),
		  share(b->alarms, b->incidents, 10), true },
		{ "notes", a->notes, b->notes, false },
		{ "held", a->held, b->held, false },
		{ "P1", p[1], q[1], false },
		{ "P2", p[2], q[2], false },
		{ "percent P1 or P2", share(p[1] + p[2], a->incidents, 100),
		  share(q[1] + q[2], b->incidents, 100), false },
		{ "events", a->events, b->events, false },
	};

	memcpy(out, rows, sizeof(rows));
	return TOTALS_ROWS;
}

void totals_put_number(struct buf *out, uint64_t n, bool tenths)
{
	report_put_number(out, tenths ? n / 10 : n);
	if (tenths)
		buf_printf(out, ".%u", (unsigned)(n % 10));
}

static void put_minute(struct buf *out, int64_t ms)
{
	size_t at = out->n;

	clock_put_seconds(out, ms);
	if (out->n < at + 16)
		return;
	out->p[at + 10] = ' ';
	buf_truncate(out, at + 16);
}

void hygiene_put_period(struct buf *out, const struct facts_head *h)
{
	put_minute(out, h->from_ms);
	buf_puts(out, " to ");
	put_minute(out, h->to_ms);
	buf_puts(out, " UTC");
}

static void begin(struct buf *out, const char *between)
{
	if (out->n)
		buf_puts(out, between);
}

static void put_first(struct buf *out, const struct facts_head *h)
{
	if (!h->first_ms) {
		buf_puts(out, "The journal holds no event of this time.");
		return;
	}
	buf_puts(out, "The oldest event that was read is of ");
	put_minute(out, h->first_ms);
	buf_puts(out, ": before it there was none, or it isn't kept any more.");
}

void hygiene_put_unknown(struct buf *out, const struct hygiene *h,
			 const char *between)
{
	const struct findings *f = h->findings;
	struct buf text = BUF_INIT(4096);

	if (!f->head.first_ms || f->head.first_ms > f->head.before_ms)
		put_first(&text, &f->head);
	if (f->ok_unknown) {
		begin(&text, between);
		report_put_number(&text, f->ok_unknown);
		buf_puts(&text, f->ok_unknown == 1 ?
				" alarm didn't say" : " alarms didn't say");
		buf_puts(&text, " whether there is an OK action.");
	}
	if (f->unasked) {
		begin(&text, between);
		report_put_number(&text, f->unasked);
		buf_puts(&text, f->unasked == 1 ?
				" incident ended by itself" :
				" incidents ended by themselves");
		buf_puts(&text, " without StackFlow being asked whether "
				"somebody had taken it.");
	}
	if (f->head.beyond) {
		begin(&text, between);
		report_put_number(&text, f->head.beyond);
		buf_puts(&text, " events and incidents are beyond what is kept "
				"by alarm: they count in the totals alone.");
	}
	buf_put_str(out, buf_str(&text));
	buf_fini(&text);
}
