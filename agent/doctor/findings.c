#include "agent/doctor/doctor.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/encode.h"

#define TEXT_MAX 1500
#define SKEW_WARN_MS (30 * 1000)
#define SKEW_FAIL_MS (5 * 60 * 1000) /* AWS refuses signatures from here on */

const char *doctor_level_name(enum doctor_level level)
{
	static const char *const names[] = {
		[DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn",
		[DOCTOR_FAIL] = "FAIL",
	};

	return names[level];
}

/* One line, whatever a peer put into it. */
static char *one_line(struct str s)
{
	struct buf b = BUF_INIT(TEXT_MAX + 64);

	utf8_put_safe(&b, s, TEXT_MAX);
	return buf_take(&b);
}

void doctor_say(struct doctor_group *g, enum doctor_level level,
		const char *what, const char *advice, const char *fmt, ...)
{
	struct doctor_finding *f = calloc(1, sizeof(*f));
	struct buf text = BUF_INIT(1 << 16);
	va_list ap;

	if (!f)
		abort();
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	f->level = level;
	f->what = one_line(str_from(what));
	f->finding = one_line(buf_str(&text));
	f->advice = advice ? one_line(str_from(advice)) : NULL;
	buf_fini(&text);
	if (!g->last)
		g->last = &g->first;
	*g->last = f;
	g->last = &f->next;
}

void doctor_clock(struct doctor_group *g, const char *whose, int64_t date_ms,
		  int64_t wall_ms)
{
	int64_t off = wall_ms - date_ms;
	int64_t far = off < 0 ? -off : off;
	struct buf by = BUF_INIT(64);

	if (!date_ms)
		return;
	clock_put_span(&by, far);
	/* A Date has whole seconds, and travelled. */
	if (far < 3000)
		doctor_say(g, DOCTOR_OK, "clock", NULL,
			   "agrees with %s's to a few seconds", whose);
	else
		doctor_say(g,
			   far >= SKEW_FAIL_MS ? DOCTOR_FAIL :
			   far >= SKEW_WARN_MS ? DOCTOR_WARN : DOCTOR_OK,
			   "clock",
			   far < SKEW_WARN_MS ? NULL :
			   "let chrony or systemd-timesyncd set it "
			   "(timedatectl shows whether one does)",
			   "%s %s %s's%s", buf_str(&by).p,
			   off < 0 ? "behind" : "ahead of", whose,
			   far >= SKEW_FAIL_MS ? ": AWS refuses signatures and "
						 "tokens end too late or early"
					       : "");
	buf_fini(&by);
}

void doctor_fini(struct doctor_group *g)
{
	struct doctor_finding *f, *next;

	for (f = g->first; f; f = next) {
		next = f->next;
		free(f->what);
		free(f->finding);
		free(f->advice);
		free(f);
	}
	g->first = NULL;
	g->last = NULL;
}
