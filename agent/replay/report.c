#include "agent/replay/report.h"

#include <stdio.h>

#include "base/clock.h"

void report_put_number(struct buf *out, uint64_t n)
{
	char digits[32];
	int length = snprintf(digits, sizeof(digits), "%llu",
			      (unsigned long long)n);

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			buf_putc(out, ',');
		buf_putc(out, digits[i]);
	}
}

size_t report_counts(struct report_count *out, const struct report *r)
{
	const struct counts *a = &r->diff->before, *b = &r->diff->after;
	const struct report_count all[REPORT_COUNTS] = {
		{ "incidents", a->incidents, b->incidents },
		{ "P1", a->by_priority[1], b->by_priority[1] },
		{ "P2", a->by_priority[2], b->by_priority[2] },
		{ "P3", a->by_priority[3], b->by_priority[3] },
		{ "P4", a->by_priority[4], b->by_priority[4] },
		{ "notes", a->notes, b->notes },
		{ "resolved", a->resolved, b->resolved },
		{ "reopened", a->reopened, b->reopened },
		{ "raised", a->raised, b->raised },
		{ "held events", a->held, b->held },
	};
	size_t n = 0;

	for (size_t i = 0; i < REPORT_COUNTS; i++)
		if (i == 0 || i == 5 || all[i].before || all[i].after)
			out[n++] = all[i];
	return n;
}

void report_put_pair(struct buf *out, uint64_t before, uint64_t after)
{
	if (!before && !after)
		return;
	report_put_number(out, before);
	if (before == after)
		return;
	buf_puts(out, " -> ");
	report_put_number(out, after);
}

void report_put_priorities(struct buf *out, const struct change_counts *c)
{
	uint64_t most = 0, all = diff_priorities(c);
	int from = 0, to = 0;

	for (int i = 1; i < 5; i++)
		for (int k = 1; k < 5; k++)
			if (c->priority[i][k] > most) {
				most = c->priority[i][k];
				from = i;
				to = k;
			}
	if (!all)
		return;
	buf_printf(out, "P%d -> P%d", from, to);
	if (most > 1) {
		buf_puts(out, " (");
		report_put_number(out, most);
		buf_putc(out, ')');
	}
	if (all > most) {
		buf_puts(out, ", ");
		report_put_number(out, all - most);
		buf_puts(out, " more");
	}
}

void report_put_rest(struct buf *out, const struct change_counts *c)
{
	const struct {
		uint64_t n;
		const char *words;
	} all[] = {
		{ c->later, "opened later" },
		{ c->earlier, "opened earlier" },
		{ c->ended, "resolved at another time" },
		{ c->group, "to another group" },
		{ c->ci, "with another CI" },
		{ c->text, "with other fields or text" },
		{ c->newly_held, "newly held" },
		{ c->no_longer_held, "no longer held" },
	};
	bool any = false;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!all[i].n)
			continue;
		buf_puts(out, any ? ", " : "");
		report_put_number(out, all[i].n);
		buf_printf(out, " %s", all[i].words);
		any = true;
	}
	/* Nothing of it is seen outside but who decides, or how. */
	if (!any && c->decisions) {
		report_put_number(out, c->decisions);
		buf_puts(out, c->decisions == 1 ? " event decided otherwise" :
						  " events decided otherwise");
	}
}

void report_put_team(struct buf *out, const struct diff_row *row)
{
	struct str a = row->team_before, b = row->team_after;

	if (a.n && b.n && !str_eq(a, b))
		buf_printf(out, "%.*s -> %.*s", STR_ARG(a), STR_ARG(b));
	else
		buf_put_str(out, b.n ? b : a.n ? a : STR("-"));
}

void report_put_head(struct buf *out, const struct report *r)
{
	report_put_number(out, r->events);
	buf_puts(out, r->events == 1 ? " event" : " events");
	if (r->first_ms) {
		buf_puts(out, " from ");
		clock_put_seconds(out, r->first_ms);
		buf_puts(out, " to ");
		clock_put_seconds(out, r->last_ms);
	}
	if (r->skipped) {
		buf_puts(out, ", ");
		report_put_number(out, r->skipped);
		buf_puts(out, " without an alarm left out");
	}
	if (r->unknown) {
		buf_puts(out, "; ");
		report_put_number(out, r->unknown);
		buf_puts(out, r->unknown == 1 ?
			" question of a change was" :
			" questions of changes were");
		buf_puts(out, " never asked then: taken as none");
	}
}
