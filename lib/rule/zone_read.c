/* Time zones from their files: RFC 8536. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "doc/fault.h"
#include "rule/zone_table.h"

#define CHANGES_MAX 10000
#define FILE_MAX 262144
#define NAMES_MAX 1000 /* of zone.tab, for "did you mean" */

/* ---- the rule, as in "CET-1CEST,M3.5.0,M10.5.0/3" ---- */

static bool number(struct str *s, int max, int *out)
{
	size_t i = 0;
	int n = 0;

	for (; i < s->n && i < 4 && isdigit((unsigned char)s->p[i]); i++)
		n = n * 10 + s->p[i] - '0';
	if (!i || n > max)
		return false;
	*s = str_sub(*s, i, s->n - i);
	*out = n;
	return true;
}

static bool skip(struct str *s, char c)
{
	if (!s->n || *s->p != c)
		return false;
	*s = str_sub(*s, 1, s->n - 1);
	return true;
}

/* [+-]HH[:MM[:SS]], hours up to 167. */
static bool clock_time(struct str *s, int64_t *out)
{
	bool minus = skip(s, '-');
	int h, m = 0, sec = 0;

	if (!minus)
		skip(s, '+');
	if (!number(s, 167, &h) || (skip(s, ':') && !number(s, 59, &m)) ||
	    (skip(s, ':') && !number(s, 59, &sec)))
		return false;
	*out = (h * 60 + m) * 60 + sec;
	if (minus)
		*out = -*out;
	return true;
}

static bool zone_word(struct str *s)
{
	size_t i = 0;

	if (skip(s, '<')) {
		ssize_t at = str_find_char(*s, '>');

		if (at <= 0)
			return false;
		*s = str_sub(*s, (size_t)at + 1, s->n - (size_t)at - 1);
		return true;
	}
	while (i < s->n && isalpha((unsigned char)s->p[i]))
		i++;
	*s = str_sub(*s, i, s->n - i);
	return i > 0;
}

static bool parse_yearly(struct str *s, struct yearly *out)
{
	*out = (struct yearly){ .time = 2 * 3600 };
	if (skip(s, 'M')) {
		if (!number(s, 12, &out->month) || !skip(s, '.') ||
		    !number(s, 5, &out->week) || !skip(s, '.') ||
		    !number(s, 6, &out->day) || !out->month || !out->week)
			return false;
	} else {
		out->kind = skip(s, 'J') ? YEARLY_JULIAN : YEARLY_DAY;
		if (!number(s, 365, &out->day) ||
		    (out->kind == YEARLY_JULIAN && !out->day))
			return false;
	}
	return !skip(s, '/') || clock_time(s, &out->time);
}

static bool in_range(int64_t offset)
{
	return offset >= OFFSET_MIN && offset <= OFFSET_MAX;
}

static bool parse_rule(struct zone *z, struct str s)
{
	int64_t west;

	if (!zone_word(&s) || !clock_time(&s, &west) || !in_range(-west))
		return false;
	z->normal_offset = -west;
	z->rule = true;
	if (!s.n)
		return true;
	z->summer = true;
	z->summer_offset = z->normal_offset + 3600;
	if (!zone_word(&s))
		return false;
	if (s.n && *s.p != ',') {
		if (!clock_time(&s, &west))
			return false;
		z->summer_offset = -west;
	}
	return in_range(z->summer_offset) && skip(&s, ',') &&
	       parse_yearly(&s, &z->begin) && skip(&s, ',') &&
	       parse_yearly(&s, &z->end) && !s.n;
}

/* ---- the table ---- */

struct counts {
	uint64_t utc, standard, leap, time, type, text;
	int version;
};

static uint64_t big_endian(const char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static int64_t signed_of(const char *p, size_t n)
{
	uint64_t v = big_endian(p, n);

	return n == 4 ? (int64_t)(int32_t)(uint32_t)v : (int64_t)v;
}

/* Cuts a header off s. */
static bool read_header(struct str *s, struct counts *out)
{
	if (s->n < 44 || memcmp(s->p, "TZif", 4))
		return false;
	*out = (struct counts){
		.version = s->p[4],
		.utc = big_endian(s->p + 20, 4),
		.standard = big_endian(s->p + 24, 4),
		.leap = big_endian(s->p + 28, 4),
		.time = big_endian(s->p + 32, 4),
		.type = big_endian(s->p + 36, 4),
		.text = big_endian(s->p + 40, 4),
	};
	*s = str_sub(*s, 44, s->n - 44);
	return out->time <= CHANGES_MAX && out->type >= 1 && out->type <= 256;
}

/* All counts have 32 bits, so that the sum can't overflow. */
static uint64_t body_size(const struct counts *c, size_t width)
{
	return c->time * (width + 1) + c->type * 6 + c->text +
	       c->leap * (width + 4) + c->standard + c->utc;
}

/* Changes of nothing but a name or a flag are left out. */
static bool read_table(struct arena *arena, struct zone *z,
		       const struct counts *c, struct str s, size_t width)
{
	size_t n = (size_t)c->time;
	const char *index = s.p + n * width, *types = index + n;
	int64_t *at = arena_array(arena, n + 1, sizeof(*at));
	int64_t *offset = arena_array(arena, n + 1, sizeof(*offset));
	int64_t before = INT64_MIN, last;

	if (!at || !offset)
		return false;
	z->first = last = signed_of(types, 4);
	for (size_t i = 0; i < n; i++) {
		int64_t t = signed_of(s.p + i * width, width);
		size_t type = (unsigned char)index[i];
		int64_t o;

		if (type >= c->type || (i && t <= before))
			return false;
		before = t;
		o = signed_of(types + type * 6, 4);
		if (!in_range(o))
			return false;
		if (o == last || t > UTC_MAX)
			continue;
		at[z->count] = t;
		offset[z->count++] = last = o;
	}
	z->at = at;
	z->offset = offset;
	return in_range(z->first);
}

const struct zone *zone_read(struct arena *arena, struct str tzif,
			     struct err *err)
{
	struct zone *z = arena_alloc(arena, sizeof(*z));
	struct str s = tzif, rule;
	struct counts c;
	size_t width = 4;
	bool good = z && read_header(&s, &c) && body_size(&c, width) <= s.n;

	if (good && c.version >= '2') {
		size_t skipped = (size_t)body_size(&c, width);

		s = str_sub(s, skipped, s.n - skipped);
		width = 8;
		good = read_header(&s, &c) && body_size(&c, width) <= s.n;
	}
	good = good && read_table(arena, z, &c, s, width);
	if (good && width == 8) {
		size_t skipped = (size_t)body_size(&c, width);

		s = str_sub(s, skipped, s.n - skipped);
		good = skip(&s, '\n') && str_find_char(s, '\n') >= 0 &&
		       str_cut(&s, '\n', &rule) &&
		       (!rule.n || parse_rule(z, rule));
	}
	if (good)
		return z;
	err_set(err, -EINVAL, "its file holds no time zone that can be read");
	return NULL;
}

/* ---- the file ---- */

static const char *folder(void)
{
	const char *dir = getenv("TZDIR");

	return dir && *dir ? dir : "/usr/share/zoneinfo";
}

static int slurp(struct buf *out, const char *name)
{
	int dir = open(folder(), O_PATH | O_DIRECTORY | O_CLOEXEC), fd;
	struct stat st;
	ssize_t n = 1;

	if (dir < 0)
		return -ENOTDIR;
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	close(dir);
	if (fd < 0)
		return -ENOENT;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		n = -1;
	while (n > 0) {
		char *to = buf_room(out, 4096);

		n = to ? read(fd, to, 4096) : -1;
		if (n > 0)
			buf_added(out, (size_t)n);
	}
	close(fd);
	return n < 0 ? -ENOENT : 0;
}

static bool good_name(struct str s)
{
	bool good = s.n > 0 && s.n <= 64 && s.p[0] != '/' &&
		    str_find(s, STR("..")) < 0;

	for (size_t i = 0; good && i < s.n; i++)
		good = isalnum((unsigned char)s.p[i]) ||
		       (s.p[i] && strchr("/_+-.", s.p[i]));
	return good;
}

/* The nearest of zone.tab's third column. */
static const char *nearest(struct arena *arena, struct str name)
{
	struct buf table = BUF_INIT(FILE_MAX);
	const char **list = arena_array(arena, NAMES_MAX + 1, sizeof(*list));
	struct str rest, line, word = STR_NONE;
	const char *near = NULL;
	size_t n = 0;

	if (list && slurp(&table, "zone.tab") == 0) {
		rest = buf_str(&table);
		while (n < NAMES_MAX && str_cut(&rest, '\n', &line)) {
			if (!line.n || *line.p == '#')
				continue;
			for (int i = 0; i < 3; i++)
				if (!str_cut(&line, '\t', &word))
					word = STR_NONE;
			if (word.n)
				list[n++] = arena_cstr(arena, word);
		}
		near = arena_error(arena) ? NULL : fault_nearest(name, list);
	}
	buf_fini(&table);
	return near;
}

static const struct zone *not_there(struct arena *arena, struct str name,
				    struct err *err)
{
	const char *near = nearest(arena, name);

	err_set(err, -ENOENT, "unknown time zone `%.*s`%s%s%s",
		STR_ARG(utf8_cut(name, 64)), near ? ", did you mean `" : "",
		near ? near : "", near ? "`?" : "");
	return NULL;
}

const struct zone *zone_load(struct arena *arena, struct str name,
			     struct err *err)
{
	struct buf tzif = BUF_INIT(FILE_MAX);
	const struct zone *z = NULL;
	int rc;

	if (str_is(name, "UTC"))
		return arena_alloc(arena, sizeof(*z));
	rc = good_name(name) ? slurp(&tzif, arena_cstr(arena, name)) : -ENOENT;
	if (rc == -ENOTDIR)
		err_set(err, rc,
			"%s can't be opened, so no time zone but UTC "
			"is known: install tzdata",
			folder());
	else if (rc)
		not_there(arena, name, err);
	else if (tzif.n < 4 || memcmp(tzif.p, "TZif", 4))
		not_there(arena, name, err);
	else
		z = zone_read(arena, buf_str(&tzif), err);
	buf_fini(&tzif);
	return z;
}
