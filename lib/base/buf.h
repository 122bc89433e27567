#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/str.h"

/*
 * An owned, growing run of bytes, always NUL-terminated once something was
 * put. It has a mandatory maximum; past it, or out of memory, it keeps what it
 * has and turns sticky: append freely and ask buf_error() once.
 */
struct buf {
	char *p;
	size_t n, cap, max;
	int error;		/* 0, -ENOMEM or -E2BIG */
};

#ifdef __cplusplus /* without members' names before C++20 */
#define BUF_INIT(maximum) (buf{ NULL, 0, 0, (maximum), 0 })
#else
#define BUF_INIT(maximum) ((struct buf){ .max = (maximum) })
#endif

void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);		/* frees; usable again at once */
void buf_wipe(struct buf *b);		/* overwrites, then buf_fini */
void buf_reset(struct buf *b);		/* empties, keeps memory, clears error */

void buf_put(struct buf *b, const void *p, size_t n);
void buf_putc(struct buf *b, char c);
void buf_puts(struct buf *b, const char *cstr);
void buf_put_str(struct buf *b, struct str s);
void buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* Room for n more bytes at the end, or NULL (sticky); then buf_added(). */
char *buf_room(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);

/* Drop the first n bytes. */
void buf_shift(struct buf *b, size_t n);
void buf_truncate(struct buf *b, size_t n);

static inline int buf_error(const struct buf *b)
{
	return b->error;
}

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){ b->p ? b->p : "", b->n };
}

/* The text, yours to free(); NULL where the buffer failed. Empties b. */
char *buf_take(struct buf *b);

#endif
