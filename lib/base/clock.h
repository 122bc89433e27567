#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/buf.h"

/*
 * The library's pure parts take the time as a parameter; only agent/ and the
 * event loops ask these.
 */
int64_t clock_wall_ms(void);	/* Unix time, may jump */
int64_t clock_mono_ms(void);	/* never goes back */
int64_t clock_mono_us(void);

/*
 * Read a point of time into milliseconds since 1970 UTC. Taken:
 * 2026-11-21T10:00:00Z, with any number of decimals (cut to milliseconds),
 * with an offset +00:00 or +0000, with a blank for the T, and without a zone
 * (UTC). 0 or -EINVAL.
 */
int clock_parse(int64_t *out_ms, struct str text);

/* RFC 9110 IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT"). 0 or -EINVAL. */
int clock_parse_http(int64_t *out_ms, struct str text);

/* 2026-11-21T10:00:00.000Z */
void clock_put(struct buf *b, int64_t ms);
/* 2026-11-21T10:00:00Z */
void clock_put_seconds(struct buf *b, int64_t ms);
/* Sun, 06 Nov 1994 08:49:37 GMT */
void clock_put_http(struct buf *b, int64_t ms);
/* 90s, 5m, 2h30m, 3d: for people */
void clock_put_span(struct buf *b, int64_t ms);

/* 500ms 30s 5m 2h 7d: a whole number and a unit. 0 or -EINVAL. */
int clock_parse_span(int64_t *out_ms, struct str text);

#endif
