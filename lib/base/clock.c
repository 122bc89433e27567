#include "base/clock.h"

#include <errno.h>
#include <time.h>

static int64_t now(clockid_t id, int64_t unit)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * unit + ts.tv_nsec / (1000000000 / unit);
}

int64_t clock_wall_ms(void)
{
	return now(CLOCK_REALTIME, 1000);
}

int64_t clock_mono_ms(void)
{
	return now(CLOCK_MONOTONIC, 1000);
}

int64_t clock_mono_us(void)
{
	return now(CLOCK_MONOTONIC, 1000000);
}

/* Exactly n digits at *s, moved past. */
static int digits(struct str *s, size_t n, int *out)
{
	int v = 0;

	if (s->n < n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return -EINVAL;
		v = v * 10 + (s->p[i] - '0');
	}
	*s = str_sub(*s, n, s->n - n);
	*out = v;
	return 0;
}

static int expect(struct str *s, const char *any)
{
	if (s->n == 0 || s->p[0] == '\0' || !strchr(any, s->p[0]))
		return -EINVAL;
	*s = str_sub(*s, 1, s->n - 1);
	return 0;
}

/* Days since 1970-01-01 of a proleptic Gregorian date. */
static int64_t days_of(int y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static bool date_ok(int y, int m, int d)
{
	static const int len[] = { 31, 28, 31, 30, 31, 30,
				   31, 31, 30, 31, 30, 31 };
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return m >= 1 && m <= 12 && d >= 1 &&
	       d <= len[m - 1] + (m == 2 && leap);
}

static int zone(struct str *s, int64_t *offset_ms)
{
	int h, m, sign;

	*offset_ms = 0;
	if (s->n == 0)
		return 0;
	if (expect(s, "Z") == 0)
		return 0;
	sign = s->p[0] == '-' ? -1 : 1;
	if (expect(s, "+-") || digits(s, 2, &h))
		return -EINVAL;
	if (s->n && s->p[0] == ':')
		*s = str_sub(*s, 1, s->n - 1);
	if (digits(s, 2, &m) || h > 23 || m > 59)
		return -EINVAL;
	*offset_ms = sign * (h * 60 + m) * INT64_C(60000);
	return 0;
}

int clock_parse(int64_t *out_ms, struct str s)
{
	int y, mo, d, h, mi, sec, ms = 0, scale = 100;
	int64_t offset;

	if (digits(&s, 4, &y) || expect(&s, "-") || digits(&s, 2, &mo) ||
	    expect(&s, "-") || digits(&s, 2, &d) || expect(&s, "Tt ") ||
	    digits(&s, 2, &h) || expect(&s, ":") || digits(&s, 2, &mi) ||
	    expect(&s, ":") || digits(&s, 2, &sec))
		return -EINVAL;
	if (!date_ok(y, mo, d) || h > 23 || mi > 59 || sec > 60)
		return -EINVAL;
	if (s.n && s.p[0] == '.') {
		int digit;

		s = str_sub(s, 1, s.n - 1);
		if (digits(&s, 1, &digit))
			return -EINVAL;
		do {
			ms += digit * scale;
			scale /= 10;
		} while (digits(&s, 1, &digit) == 0);
	}
	if (zone(&s, &offset) || s.n)
		return -EINVAL;
	*out_ms = ((days_of(y, mo, d) * 24 + h) * 60 + mi) * INT64_C(60000) +
		  sec * INT64_C(1000) + ms - offset;
	return 0;
}

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char weekdays[] = "SunMonTueWedThuFriSat";

int clock_parse_http(int64_t *out_ms, struct str s)
{
	int y, mo = 0, d, h, mi, sec;
	ssize_t comma = str_find(s, STR(", "));

	if (comma != 3 || s.n != 29)
		return -EINVAL;
	s = str_sub(s, 5, s.n - 5);
	if (digits(&s, 2, &d) || expect(&s, " "))
		return -EINVAL;
	for (int i = 0; i < 12; i++)
		if (memcmp(s.p, months + 3 * i, 3) == 0)
			mo = i + 1;
	s = str_sub(s, 3, s.n - 3);
	if (mo == 0 || expect(&s, " ") || digits(&s, 4, &y) ||
	    expect(&s, " ") || digits(&s, 2, &h) || expect(&s, ":") ||
	    digits(&s, 2, &mi) || expect(&s, ":") || digits(&s, 2, &sec) ||
	    !str_is(s, " GMT"))
		return -EINVAL;
	if (!date_ok(y, mo, d) || h > 23 || mi > 59 || sec > 60)
		return -EINVAL;
	*out_ms = ((days_of(y, mo, d) * 24 + h) * 60 + mi) * INT64_C(60000) +
		  sec * INT64_C(1000);
	return 0;
}

static int64_t split(int64_t ms, struct tm *tm)
{
	int64_t s = ms / 1000, rest = ms % 1000;
	time_t t;

	if (rest < 0) {
		s--;
		rest += 1000;
	}
	t = (time_t)s;
	if (!gmtime_r(&t, tm))
		*tm = (struct tm){ .tm_year = 70, .tm_mday = 1 };
	return rest;
}

/* n digits and what stands behind them. */
static char *put_digits(char *to, int v, int n, char after)
{
	for (int i = n - 1; i >= 0; i--, v /= 10)
		to[i] = (char)('0' + v % 10);
	to[n] = after;
	return to + n + 1;
}

static void put_date(struct buf *b, const struct tm *tm)
{
	char date[24], *p = date;

	if (tm->tm_year < -1900 || tm->tm_year > 9999 - 1900) {
		buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d",
			   tm->tm_year + 1900, tm->tm_mon + 1, tm->tm_mday,
			   tm->tm_hour, tm->tm_min, tm->tm_sec);
		return;
	}
	p = put_digits(p, tm->tm_year + 1900, 4, '-');
	p = put_digits(p, tm->tm_mon + 1, 2, '-');
	p = put_digits(p, tm->tm_mday, 2, 'T');
	p = put_digits(p, tm->tm_hour, 2, ':');
	p = put_digits(p, tm->tm_min, 2, ':');
	p = put_digits(p, tm->tm_sec, 2, '\0');
	buf_put(b, date, (size_t)(p - date) - 1);
}

void clock_put(struct buf *b, int64_t ms)
{
	struct tm tm;
	int64_t rest = split(ms, &tm);

	put_date(b, &tm);
	buf_printf(b, ".%03dZ", (int)rest);
}

void clock_put_seconds(struct buf *b, int64_t ms)
{
	struct tm tm;

	split(ms, &tm);
	put_date(b, &tm);
	buf_putc(b, 'Z');
}

void clock_put_http(struct buf *b, int64_t ms)
{
	struct tm tm;

	split(ms, &tm);
	buf_printf(b, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
		   weekdays + 3 * tm.tm_wday, tm.tm_mday,
		   months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour,
		   tm.tm_min, tm.tm_sec);
}

void clock_put_span(struct buf *b, int64_t ms)
{
	int64_t s = ms / 1000;

	if (ms < 1000)
		buf_printf(b, "%lldms", (long long)ms);
	else if (s < 120)
		buf_printf(b, "%llds", (long long)s);
	else if (s < 7200)
		buf_printf(b, "%lldm", (long long)(s / 60));
	else if (s < 172800)
		buf_printf(b, "%lldh%02lldm", (long long)(s / 3600),
			   (long long)(s / 60 % 60));
	else
		buf_printf(b, "%lldd", (long long)(s / 86400));
}

int clock_parse_span(int64_t *out_ms, struct str text)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "ms", 1 },	{ "s", 1000 },	   { "m", 60000 },
		      { "h", 3600000 }, { "d", 86400000 } };
	struct str unit = text;
	uint64_t n;
	int64_t v;

	while (unit.n && unit.p[0] >= '0' && unit.p[0] <= '9')
		unit = str_sub(unit, 1, unit.n - 1);
	if (str_to_u64(&n, str_sub(text, 0, text.n - unit.n)))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!str_is(unit, units[i].unit))
			continue;
		if (n > INT32_MAX ||
		    __builtin_mul_overflow((int64_t)n, units[i].ms, &v))
			return -EINVAL;
		*out_ms = v;
		return 0;
	}
	return -EINVAL;
}
