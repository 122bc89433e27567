#include "rule/zone_table.h"

#define DAY 86400

/* ---- dates ---- */

/* After Howard Hinnant's days_from_civil: years begin in March, so that the
 * leap day is the last. */
int64_t zone_days(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year =
		(153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - 719468;
}

struct zone_date zone_date(int64_t days)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t year =
		(of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) /
		365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t m = (5 * of_year + 2) / 153;
	struct zone_date d;

	d.day = (int)(of_year - (153 * m + 2) / 5 + 1);
	d.month = (int)(m < 10 ? m + 3 : m - 9);
	d.year = (int)(year + era * 400 + (d.month <= 2));
	d.weekday = (int)(((days + 4) % 7 + 7) % 7);
	return d;
}

int zone_month_days(int year, int month)
{
	return (int)(zone_days(month == 12 ? year + 1 : year,
			       month == 12 ? 1 : month + 1, 1) -
		     zone_days(year, month, 1));
}

/* ---- the rule behind the last change ---- */

static int64_t yearly_days(const struct yearly *y, int year)
{
	int64_t first = zone_days(year, 1, 1);
	bool leap = zone_month_days(year, 2) == 29;
	int64_t start, day;

	if (y->kind == YEARLY_DAY)
		return first + y->day;
	if (y->kind == YEARLY_JULIAN)
		return first + y->day - 1 + (leap && y->day >= 60);
	start = zone_days(year, y->month, 1);
	day = (y->day - zone_date(start).weekday + 7) % 7 + 7 * (y->week - 1);
	if (day >= zone_month_days(year, y->month))
		day -= 7;
	return start + day;
}

struct turn {
	int64_t at, offset;
};

/* The turns of three years around a moment, in order. At one moment, the
 * beginning of summer time comes last: it is all year then. */
static size_t turns_around(const struct zone *z, int64_t utc,
			   struct turn out[6])
{
	int year = zone_date((utc >= 0 ? utc : utc - DAY + 1) / DAY).year;
	size_t n = 0;

	for (int y = year - 1; y <= year + 1; y++) {
		struct turn two[2] = {
			{ yearly_days(&z->end, y) * DAY + z->end.time -
				  z->summer_offset,
			  z->normal_offset },
			{ yearly_days(&z->begin, y) * DAY + z->begin.time -
				  z->normal_offset,
			  z->summer_offset },
		};

		for (int i = 0; i < 2; i++) {
			size_t k = n++;

			for (; k > 0 && out[k - 1].at > two[i].at; k--)
				out[k] = out[k - 1];
			out[k] = two[i];
		}
	}
	return n;
}

static int64_t rule_offset(const struct zone *z, int64_t utc)
{
	struct turn turns[6] = { { 0, 0 } };
	size_t n;

	if (!z->summer)
		return z->normal_offset;
	n = turns_around(z, utc, turns);
	while (n > 1 && turns[n - 1].at > utc)
		n--;
	return turns[n - 1].offset;
}

static int64_t rule_next(const struct zone *z, int64_t utc)
{
	struct turn turns[6];
	size_t n = z->summer ? turns_around(z, utc, turns) : 0;

	for (size_t i = 0; i < n; i++)
		if (turns[i].at > utc)
			return turns[i].at;
	return INT64_MAX;
}

/* ---- asking ---- */

/* How many changes are not after utc. */
static size_t changes_until(const struct zone *z, int64_t utc)
{
	size_t low = 0, high = z->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (z->at[mid] <= utc)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int64_t bounded(int64_t utc)
{
	return utc < UTC_MIN ? UTC_MIN : utc > UTC_MAX ? UTC_MAX : utc;
}

int64_t zone_offset(const struct zone *z, int64_t utc)
{
	size_t n;

	utc = bounded(utc);
	n = changes_until(z, utc);
	if (n == z->count && z->rule)
		return rule_offset(z, utc);
	return n ? z->offset[n - 1] : z->first;
}

/* The next moment at which the offset may change. */
static int64_t next_change(const struct zone *z, int64_t utc)
{
	size_t n = changes_until(z, utc);

	if (n < z->count)
		return z->at[n];
	return z->rule ? rule_next(z, utc) : INT64_MAX;
}

int64_t zone_moment(const struct zone *z, int64_t local)
{
	int64_t from = bounded(local) - OFFSET_MAX - 1, offset, end;

	local = bounded(local);
	for (;;) {
		offset = zone_offset(z, from);
		end = next_change(z, from);
		if (local - offset < from)
			return from;
		if (local - offset < end)
			return local - offset;
		from = end;
	}
}
