#ifndef FUZZ_ALARM_H
#define FUZZ_ALARM_H

/* What the targets of lib/alarm share: everything that is made of an alarm. */
#include <stdint.h>
#include <stdlib.h>

#include "alarm/alarm.h"
#include "base/err.h"
#include "doc/json.h"
#include "doc/jsonw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void require(bool ok)
{
	if (!ok)
		abort();
}

static inline void write_all(struct buf *out, const struct alarms *alarms,
		      const struct alarm_input *in)
{
	struct buf line = BUF_INIT(64 << 20);
	struct jsonw w;

	for (size_t i = 0; i < alarms->count; i++) {
		const struct alarm *a = &alarms->list[i];

		require(a->source && a->kind && a->name.n && a->time_ms > 0);
		buf_reset(&line);
		w = JSONW(&line);
		alarm_write(&w, a);
		require(json_scan(buf_str(&line), 0, NULL) == 0);
		buf_put_str(out, buf_str(&line));
		if (alarm_identity(&line, a, in, i) == 0)
			buf_put_str(out, buf_str(&line));
		alarm_put_console_url(out, a);
		require(!alarm_dim(a, STR("\xff")).p);
	}
	buf_reset(&line);
	for (size_t i = 0; i < alarms->count; i++)
		alarm_subject(&line, &alarms->list[i]);
	buf_put_str(out, buf_str(&line));
	require(!buf_error(&line) && !buf_error(out));
	buf_fini(&line);
}

static inline void decode(struct buf *out, const struct alarm_input *in)
{
	struct alarms alarms;

	require(alarm_decode(&alarms, in) == 0);
	require(alarms.count > 0);
	write_all(out, &alarms, in);
	alarms_fini(&alarms);
}

/* What is written must be strict JSON, and the same twice. */
static inline void fuzz_decode(const struct alarm_input *in)
{
	struct buf once = BUF_INIT(256 << 20), twice = BUF_INIT(256 << 20);

	decode(&once, in);
	decode(&twice, in);
	/* A unique identity is salted, and isn't among what is compared. */
	require(str_eq(buf_str(&once), buf_str(&twice)));
	buf_fini(&once);
	buf_fini(&twice);
}

static inline struct alarm_input fuzz_sns(struct str body, struct str subject)
{
	return (struct alarm_input){
		.body = body,
		.subject = subject,
		.topic = STR("arn:aws:sns:us-east-1:111122223333:alarms"),
		.message_id = STR("m1"),
		.sent_ms = 1795255400000,
		.received_ms = 1795255500000,
		.intake = "sns",
	};
}

static inline struct alarm_input fuzz_webhook(struct str body)
{
	return (struct alarm_input){
		.body = body,
		.received_ms = 1795255500000,
		.intake = "webhook",
	};
}

/* An EventBridge event, of the source and detail-type that data begins with. */
static inline void fuzz_event(const char *const (*types)[2], size_t count,
			      const uint8_t *data, size_t size)
{
	struct buf body = BUF_INIT(8 << 20);
	struct alarm_input in;

	if (size == 0)
		return;
	buf_printf(&body,
		   "{\"version\":\"0\",\"id\":\"e-1\",\"detail-type\":"
		   "\"%s\",\"source\":\"%s\",\"account\":\"111122223333\","
		   "\"time\":\"2026-11-21T10:00:00Z\",\"region\":"
		   "\"us-east-1\",\"resources\":[\"arn:aws:x:us-east-1:"
		   "111122223333:y/z\"],\"detail\":",
		   types[data[0] % count][1], types[data[0] % count][0]);
	buf_put(&body, data + 1, size - 1);
	buf_putc(&body, '}');
	in = fuzz_webhook(buf_str(&body));
	fuzz_decode(&in);
	buf_fini(&body);
}

#endif
