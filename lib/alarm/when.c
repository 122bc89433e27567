#include "alarm/recognise.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"

struct when {
	unsigned year, month, day, hour, minute, second;
	bool timed, afternoon, morning;
};

static bool number(unsigned *out, struct str s, size_t min, size_t max)
{
	uint64_t n;

	if (s.n < min || s.n > max || str_to_u64(&n, s))
		return false;
	*out = (unsigned)n;
	return true;
}

static bool take_time(struct when *w, struct str s)
{
	struct str part[3];

	for (size_t i = 0; i < 3; i++)
		if (!str_cut(&s, ':', &part[i]))
			return false;
	w->timed = true;
	return !s.p && number(&w->hour, part[0], 1, 2) &&
	       number(&w->minute, part[1], 2, 2) &&
	       number(&w->second, part[2], 2, 2);
}

static bool take_number(struct when *w, struct str s)
{
	if (s.n == 4)
		return !w->year && number(&w->year, s, 4, 4);
	return !w->day && number(&w->day, s, 1, 2);
}

static bool take_word(struct when *w, struct str s)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
					      "May", "Jun", "Jul", "Aug",
					      "Sep", "Oct", "Nov", "Dec" };
	static const char *const ignored[] = { "GMT", "UTC", "Z",    "Sun",
					       "Mon", "Tue", "Wed",  "Thu",
					       "Fri", "Sat", "+0000" };

	for (unsigned i = 0; i < 12; i++) {
		if (!str_is(s, months[i]))
			continue;
		w->month = i + 1;
		return true;
	}
	w->afternoon |= str_is_nocase(s, "PM");
	w->morning |= str_is_nocase(s, "AM");
	if (str_is_nocase(s, "PM") || str_is_nocase(s, "AM"))
		return true;
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		if (str_is(s, ignored[i]))
			return true;
	return false;
}

static bool take(struct when *w, struct str s)
{
	if (str_find_char(s, ':') >= 0)
		return take_time(w, s);
	if (s.p[0] >= '0' && s.p[0] <= '9')
		return take_number(w, s);
	return take_word(w, s);
}

int when_parse(int64_t *out_ms, struct str text)
{
	struct when w = { 0 };
	struct str word;
	char iso[80];

	if (text.n > 64)
		return -EINVAL;
	while (str_cut(&text, ' ', &word)) {
		if (str_ends(word, ","))
			word.n--;
		if (word.n && !take(&w, word))
			return -EINVAL;
	}
	if (!w.year || !w.month || !w.day || !w.timed)
		return -EINVAL;
	if ((w.afternoon || w.morning) && (w.hour < 1 || w.hour > 12))
		return -EINVAL;
	if (w.afternoon || w.morning)
		w.hour = w.hour % 12 + (w.afternoon ? 12 : 0);
	snprintf(iso, sizeof(iso), "%04u-%02u-%02uT%02u:%02u:%02uZ", w.year,
		 w.month, w.day, w.hour, w.minute, w.second);
	return clock_parse(out_ms, str_from(iso));
}
