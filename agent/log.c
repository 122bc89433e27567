#define SD_JOURNAL_SUPPRESS_LOCATION
#include "agent/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "doc/jsonw.h"

#define VALUE_MAX 1000
#define FIELDS_MAX 16

static _Atomic int wanted = CONF_LOG_INFO;
static _Atomic int shape = CONF_LOG_LOGFMT;

static const char *const level_names[] = { "debug", "info", "warning",
					   "error" };

void log_open(enum conf_log_level level, enum conf_log_format format)
{
	if (format == CONF_LOG_AUTO)
		format = getenv("JOURNAL_STREAM") ? CONF_LOG_JOURNAL :
						    CONF_LOG_LOGFMT;
	wanted = level;
	shape = format;
}

bool log_wants(enum conf_log_level level)
{
	return (int)level >= wanted;
}

static void put_value(struct buf *b, const struct log_field *f)
{
	if (f->text.p)
		utf8_put_safe(b, f->text, VALUE_MAX);
	else
		buf_printf(b, "%lld", (long long)f->number);
}

/* key=value; a value with a blank, quote or equals sign stands in quotes. */
static void put_logfmt(struct buf *b, const struct log_field *f)
{
	struct buf value = BUF_INIT(4 * VALUE_MAX + 16);
	struct str v, piece;
	bool bare;

	put_value(&value, f);
	v = buf_str(&value);
	/* No NUL is left in it. */
	bare = v.n > 0 && strcspn(v.p, " \"=") == v.n;
	buf_printf(b, " %s=", f->key);
	if (!bare)
		buf_putc(b, '"');
	while (str_cut(&v, '"', &piece)) {
		buf_put_str(b, piece);
		if (v.p)
			buf_puts(b, "\\\"");
	}
	if (!bare)
		buf_putc(b, '"');
	buf_fini(&value);
}

static void write_line(struct buf *b)
{
	ssize_t n;

	buf_putc(b, '\n');
	do
		n = write(STDERR_FILENO, b->p ? b->p : "", b->n);
	while (n < 0 && errno == EINTR);
}

static void write_logfmt(enum conf_log_level level, const char *message,
			 const struct log_field *fields, size_t count)
{
	struct buf b = BUF_INIT(64 << 10);

	buf_puts(&b, "time=");
	clock_put(&b, clock_wall_ms());
	buf_printf(&b, " level=%s msg=\"%s\"", level_names[level], message);
	for (size_t i = 0; i < count; i++)
		put_logfmt(&b, &fields[i]);
	write_line(&b);
	buf_fini(&b);
}

static void write_json(enum conf_log_level level, const char *message,
		       const struct log_field *fields, size_t count)
{
	struct buf b = BUF_INIT(64 << 10), value;
	struct jsonw w = JSONW(&b);

	jsonw_object(&w);
	jsonw_ktime(&w, "time", clock_wall_ms());
	jsonw_kcstr(&w, "level", level_names[level]);
	jsonw_kcstr(&w, "msg", message);
	for (size_t i = 0; i < count; i++) {
		jsonw_key(&w, fields[i].key);
		if (!fields[i].text.p) {
			jsonw_int(&w, fields[i].number);
			continue;
		}
		/* Direction marks are plain text to JSON, not to a terminal. */
		buf_init(&value, 4 * VALUE_MAX + 16);
		put_value(&value, &fields[i]);
		jsonw_str(&w, buf_str(&value));
		buf_fini(&value);
	}
	jsonw_end_object(&w);
	write_line(&b);
	buf_fini(&b);
}

static void journal_field(struct buf *b, const struct log_field *f)
{
	buf_puts(b, "TOCSIN_");
	for (const char *k = f->key; *k; k++)
		buf_putc(b, (char)toupper((unsigned char)*k));
	buf_putc(b, '=');
	put_value(b, f);
}

static void write_journal(enum conf_log_level level, const char *message,
			  const struct log_field *fields, size_t count)
{
	static const int priority[] = { 7, 6, 4, 3 };
	struct buf text[FIELDS_MAX + 2];
	struct iovec iov[FIELDS_MAX + 2];
	size_t n = 2;

	if (count > FIELDS_MAX)
		count = FIELDS_MAX;
	for (size_t i = 0; i < count + 2; i++)
		buf_init(&text[i], 64 << 10);
	buf_printf(&text[0], "MESSAGE=%s", message);
	for (size_t i = 0; i < count; i++)
		put_logfmt(&text[0], &fields[i]);
	buf_printf(&text[1], "PRIORITY=%d", priority[level]);
	for (size_t i = 0; i < count; i++)
		journal_field(&text[n++], &fields[i]);
	for (size_t i = 0; i < n; i++)
		iov[i] = (struct iovec){ text[i].p, text[i].n };
	sd_journal_sendv(iov, (int)n);
	for (size_t i = 0; i < n; i++)
		buf_fini(&text[i]);
}

void log_write(enum conf_log_level level, const char *message,
	       const struct log_field *fields, size_t count)
{
	if (!log_wants(level))
		return;
	switch ((enum conf_log_format)shape) {
	case CONF_LOG_JOURNAL:
		write_journal(level, message, fields, count);
		return;
	case CONF_LOG_JSON:
		write_json(level, message, fields, count);
		return;
	case CONF_LOG_AUTO:
	case CONF_LOG_LOGFMT:
		break;
	}
	write_logfmt(level, message, fields, count);
}
