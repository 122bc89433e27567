#include "agent/top/state.h"

#include "base/clock.h"

#define MINUTE 60000LL
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

void words_member(struct buf *out, const struct json *v, const char *key)
{
	struct arena *arena;
	struct str s;

	v = json_get(v, key);
	if (!v)
		return;
	if (json_is(v, JSON_STRING)) {
		buf_put_str(out, json_str(v));
		return;
	}
	arena = arena_new(1 << 20);
	s = arena ? json_text(v, arena) : STR_NONE;
	buf_put_str(out, s.p ? s : STR(""));
	arena_free(arena);
}

void words_span(struct buf *out, int64_t ms)
{
	long long n = ms < 0 ? 0 : ms;

	if (n < MINUTE)
		buf_printf(out, "%llds", n / 1000);
	else if (n < HOUR)
		buf_printf(out, "%lldm", n / MINUTE);
	else if (n < DAY)
		buf_printf(out, "%lldh%02lldm", n / HOUR, n % HOUR / MINUTE);
	else
		buf_printf(out, "%lldd%02lldh", n / DAY, n % DAY / HOUR);
}

bool words_time(int64_t *out_ms, const struct json *v, const char *key)
{
	struct str s = json_get_str(v, key);

	return s.n && clock_parse(out_ms, s) == 0;
}

bool words_age(struct buf *out, const struct json *v, const char *key,
	      const struct top_now *now)
{
	int64_t ms;

	if (!words_time(&ms, v, key))
		return false;
	words_span(out, now->wall_ms - ms);
	return true;
}

bool words_left(struct buf *out, const struct json *v, const char *key,
	       const struct top_now *now)
{
	int64_t ms;

	if (!words_time(&ms, v, key))
		return false;
	if (ms <= now->wall_ms)
		buf_puts(out, "now");
	else
		words_span(out, ms - now->wall_ms);
	return true;
}
