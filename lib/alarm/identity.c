#include "alarm/alarm.h"

#include "base/encode.h"
#include "base/random.h"
#include "doc/json.h"

static bool from(const struct alarm *a, const char *source)
{
	return str_is(str_from(a->source), source);
}

/* CloudWatch's alarm, in whatever form. */
static bool of_cloudwatch(const struct alarm *a)
{
	return from(a, "cloudwatch") || from(a, "direct");
}

static void put_place(struct buf *out, const struct alarm *a)
{
	buf_put_str(out, a->account);
	buf_putc(out, '/');
	buf_put_str(out, a->region);
	buf_putc(out, '/');
	buf_put_str(out, a->name);
}

/* Known by the id that the sender gave it, whatever else changes. */
static void put_key(struct buf *out, const struct alarm *a)
{
	if (from(a, "tocsin")) {	/* the whole of it */
		buf_put_str(out, a->key);
		return;
	}
	buf_puts(out, a->source);
	buf_putc(out, '/');
	buf_put_str(out, a->account.p ? a->account : a->topic);
	buf_putc(out, '/');
	buf_put_str(out, a->key);
}

void alarm_subject(struct buf *out, const struct alarm *a)
{
	if (a->key.p) {
		put_key(out, a);
		return;
	}
	if (a->arn.p) {
		buf_put_str(out, a->arn);
	} else if (a->account.p || a->region.p || from(a, "direct")) {
		put_place(out, a);
	} else {
		buf_puts(out, a->source);
		buf_putc(out, '/');
		buf_put_str(out, a->topic);
		buf_putc(out, '/');
		buf_put_str(out, a->name);
	}
	/* One kind of event tells of many resources. */
	if (from(a, "eventbridge") && a->resource_arn.p) {
		buf_putc(out, '/');
		buf_put_str(out, a->resource_arn);
	}
	if (a->contributor.p) {
		buf_putc(out, '/');
		buf_put_str(out, a->contributor);
	}
}

/*
 * The same in SNS's, EventBridge's and Lambda's form of one change, so that
 * it is one event whichever way it came. What has a fixed form stands first:
 * no name can make two of them equal. A change whose actions are held back is
 * another event than the one that SNS is told of after the mute window, with
 * the old time.
 */
static void put_change(struct buf *out, const struct alarm *a)
{
	buf_printf(out, "%s/%lld/%s/", a->suppressed_by.p ? "held" : "change",
		   (long long)a->time_ms, alarm_state_name(a->state));
	alarm_subject(out, a);
}

/*
 * The state is part of it: a direct alarm's id may name the alarm. So is the
 * key: one event may tell of many.
 */
static void put_event(struct buf *out, const struct alarm *a)
{
	buf_printf(out, "event/%s/%s/", a->source, alarm_state_name(a->state));
	buf_put_str(out, a->event_id);
	if (a->key.p) {
		buf_putc(out, '/');
		buf_put_str(out, a->key);
	}
}

/*
 * Who sends a state again and again names its old time, even when the alarm
 * was over meanwhile. Only what is told within the same minute is taken for
 * a second delivery.
 */
static void put_told(struct buf *out, const struct alarm *a)
{
	buf_printf(out, "told/%lld/", (long long)(a->told_ms / 60000));
	put_change(out, a);
}

static void put_message(struct buf *out, const struct alarm_input *in,
			size_t position)
{
	buf_printf(out, "message/%zu/", position);
	buf_put_str(out, in->topic);
	buf_putc(out, '/');
	buf_put_str(out, in->message_id);
}

static int put_unique(struct buf *out)
{
	unsigned char salt[16];

	random_bytes(salt, sizeof(salt));
	buf_puts(out, "unique/");
	encode_hex(out, salt, sizeof(salt));
	return 1;
}

int alarm_identity(struct buf *out, const struct alarm *a,
		   const struct alarm_input *in, size_t position)
{
	bool timed = a->own_time && a->event == ALARM_CHANGED;

	/* Most are shorter. */
	(void)buf_room(out, 255);
	/*
	 * An event that isn't an alarm's change is told apart by its id only:
	 * two may be of one second, and of no resource.
	 */
	if (timed && of_cloudwatch(a))
		put_change(out, a);
	else if (a->event_id.n)
		put_event(out, a);
	else if (timed && !a->told_ms && !from(a, "eventbridge"))
		put_change(out, a);
	else if (in->message_id.n)
		put_message(out, in, position);
	else if (timed && a->told_ms)
		put_told(out, a);
	else
		return put_unique(out);
	return 0;
}
