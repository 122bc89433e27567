/* The days and hours of a window, as people write them. */
#include <ctype.h>
#include <errno.h>

#include "base/clock.h"
#include "base/encode.h"
#include "rule/window.h"

#define TEXT 100

/* "Sun" or "Sunday", in any case; -1. */
static int weekday_of(struct str s)
{
	static const char *const names[][2] = {
		{ "Sun", "Sunday" },   { "Mon", "Monday" },
		{ "Tue", "Tuesday" },  { "Wed", "Wednesday" },
		{ "Thu", "Thursday" }, { "Fri", "Friday" },
		{ "Sat", "Saturday" },
	};

	for (int i = 0; i < 7; i++)
		if (str_is_nocase(s, names[i][0]) ||
		    str_is_nocase(s, names[i][1]))
			return i;
	return -1;
}

/* 1, 1st, 22nd, 31: up to max; -1. */
static int number_of(struct str s, int max)
{
	static const char *const endings[] = { "st", "nd", "rd", "th" };
	uint64_t n;

	for (int i = 0; s.n > 2 && i < 4; i++)
		if (str_is_nocase(str_sub(s, s.n - 2, 2), endings[i])) {
			s.n -= 2;
			break;
		}
	if (s.n > 2 || str_to_u64(&n, s) || n < 1 || n > (uint64_t)max)
		return -1;
	return (int)n;
}

/* Cuts "a-b" in two; b is a where there is no dash. */
static void cut_range(struct str item, struct str *from, struct str *to)
{
	ssize_t at = str_find_char(item, '-');

	*from = *to = item;
	if (at < 0)
		return;
	from->n = (size_t)at;
	*to = str_sub(item, (size_t)at + 1, item.n - (size_t)at - 1);
}

/* "Mon", "Mon-Fri", "Sat,Sun", "Fri-Mon". */
static bool parse_weekdays(unsigned *out, struct str list)
{
	struct str item, from, to;

	while (str_cut(&list, ',', &item)) {
		int a, b;

		cut_range(item, &from, &to);
		a = weekday_of(from);
		b = weekday_of(to);
		if (a < 0 || b < 0)
			return false;
		for (; a != b; a = (a + 1) % 7)
			*out |= 1u << a;
		*out |= 1u << b;
	}
	return *out != 0;
}

/* "1", "1,15", "1st-7th", "last". */
static bool parse_numbers(uint32_t *out, struct str list, int max)
{
	struct str item, from, to;

	while (str_cut(&list, ',', &item)) {
		int a, b;

		if (str_is_nocase(item, "last")) {
			*out |= 1;
			continue;
		}
		cut_range(item, &from, &to);
		a = number_of(from, max);
		b = number_of(to, max);
		if (a < 0 || b < a)
			return false;
		for (; a <= b; a++)
			*out |= (uint32_t)1 << a;
	}
	return *out != 0;
}

/* What stands before the hours. */
static bool parse_days(struct recurrence *r, struct str first,
		       struct str second)
{
	if (!second.n && str_is_nocase(first, "daily")) {
		r->weekdays = 0x7f;
		return true;
	}
	if (!second.n && parse_weekdays(&r->weekdays, first))
		return true;
	r->weekdays = 0;
	if (second.n && parse_weekdays(&r->weekdays, second)) {
		r->kind = NTH_WEEKDAY;
		return parse_numbers(&r->numbers, first, 5);
	}
	r->kind = DAYS_OF_MONTH;
	if (second.n && !str_is_nocase(second, "day") &&
	    !str_is_nocase(second, "days"))
		return false;
	/* "last" alone could be the last of anything. */
	return parse_numbers(&r->numbers, first, 31) &&
	       (second.n || !(r->numbers & 1));
}

/* HH:MM, up to 24:00 where it may end a day. */
static bool parse_clock(int *out, struct str s, bool end)
{
	uint64_t h, m;

	if (s.n != 5 || s.p[2] != ':' || str_to_u64(&h, str_sub(s, 0, 2)) ||
	    str_to_u64(&m, str_sub(s, 3, 2)) || m > 59 || h > 24 ||
	    (h == 24 && (m || !end)))
		return false;
	*out = (int)(h * 3600 + m * 60);
	return true;
}

static bool parse_hours(struct recurrence *r, struct str s)
{
	return s.n == 11 && s.p[5] == '-' &&
	       parse_clock(&r->begin, str_sub(s, 0, 5), false) &&
	       parse_clock(&r->end, str_sub(s, 6, 5), true);
}

/* Without leading, doubled and trailing blanks, and those behind a comma. */
static struct str squeeze(char out[TEXT + 1], struct str text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		bool blank = text.p[i] == ' ' || text.p[i] == '\t';

		if (blank && (!n || out[n - 1] == ' ' || out[n - 1] == ','))
			continue;
		out[n++] = blank ? ' ' : text.p[i];
	}
	if (n && out[n - 1] == ' ')
		n--;
	return (struct str){ out, n };
}

int recurrence_parse(struct recurrence *out, struct str text, struct err *err)
{
	struct recurrence r = { .kind = DAYS_OF_WEEK };
	struct str words[4] = { STR_NONE, STR_NONE, STR_NONE, STR_NONE }, rest;
	char squeezed[TEXT + 1];
	size_t n = 0;

	rest = text.n <= TEXT ? squeeze(squeezed, text) : STR_NONE;
	while (rest.n && n < 4 && str_cut(&rest, ' ', &words[n]))
		n++;
	if (n < 2 || n > 3 || !parse_hours(&r, words[n - 1]) ||
	    !parse_days(&r, words[0], n == 3 ? words[1] : STR_NONE))
		return err_set(err, -EINVAL,
			       "`every` is days and hours, like \"Sun "
			       "02:00-05:00\", \"Mon-Fri 22:00-06:00\", \"daily"
			       " 01:00-02:00\", \"1,15 02:00-04:00\", \"last "
			       "day 20:00-24:00\" or \"2nd Tue 20:00-23:00\", "
			       "not \"%.*s\"",
			       STR_ARG(utf8_cut(text, 60)));
	if (r.begin == r.end)
		return err_set(err, -EINVAL,
			       "\"%.*s\" begins when it ends: a whole day is "
			       "00:00-24:00",
			       STR_ARG(words[n - 1]));
	*out = r;
	return 0;
}

/* ---- moments ---- */

static bool parse_date(int64_t *days, struct str s)
{
	uint64_t y, m, d;

	if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-' ||
	    str_to_u64(&y, str_sub(s, 0, 4)) ||
	    str_to_u64(&m, str_sub(s, 5, 2)) ||
	    str_to_u64(&d, str_sub(s, 8, 2)) || y < 1970 || m < 1 || m > 12 ||
	    d < 1 || d > (uint64_t)zone_month_days((int)y, (int)m))
		return false;
	*days = zone_days((int)y, (int)m, (int)d);
	return true;
}

int window_moment(int64_t *out_ms, const struct zone *zone, struct str text,
		  bool *day)
{
	int64_t days, ms;
	struct str clock;
	uint64_t sec = 0;
	int at;

	if (text.n < 10 || !parse_date(&days, str_sub(text, 0, 10)))
		return -EINVAL;
	*day = text.n == 10;
	clock = str_sub(text, 10, text.n - 10);
	if (*day) {
		*out_ms = zone_moment(zone, days * 86400) * 1000;
		return 0;
	}
	if (clock.n < 6 || (clock.p[0] != 'T' && clock.p[0] != ' '))
		return -EINVAL;
	if (!parse_clock(&at, str_sub(clock, 1, 5), true))
		return -EINVAL;
	clock = str_sub(clock, 6, clock.n - 6);
	if (clock.n >= 3 && clock.p[0] == ':') {
		if (str_to_u64(&sec, str_sub(clock, 1, 2)) || sec > 59)
			return -EINVAL;
		clock = str_sub(clock, 3, clock.n - 3);
	}
	ms = days * 86400 + at + (int64_t)sec;
	if (clock.n) {
		/* A zone of its own; clock_parse() wants the seconds. */
		struct buf b = BUF_INIT(40);
		int rc = -EINVAL;

		if (!memchr("Zz+-", clock.p[0], 4) ||
		    str_find_char(clock, '\0') >= 0)
			return -EINVAL;
		buf_printf(&b, "%.10sT%02d:%02d:%02d%.*s", text.p, at / 3600,
			   at / 60 % 60, (int)sec, STR_ARG(clock));
		if (!buf_error(&b))
			rc = clock_parse(out_ms, buf_str(&b));
		buf_fini(&b);
		return rc;
	}
	*out_ms = zone_moment(zone, ms) * 1000;
	return 0;
}
