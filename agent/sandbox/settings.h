#ifndef AGENT_SANDBOX_SETTINGS_H
#define AGENT_SANDBOX_SETTINGS_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/err.h"

/* What a test may turn while the sandbox runs: --set and /sandbox/settings. */
enum box_setting {
	BOX_RATE, BOX_TOKEN_LIFE, BOX_LATE, BOX_CLOCK, BOX_PAGING, BOX_ORDER,
	BOX_LIST_DESCRIPTION, BOX_NOTES, BOX_SNS_RETRIES, BOX_SNS_DELAY,
	BOX_SNS_TIMEOUT, BOX_SNS_CONCURRENCY, BOX_SNS_VERSION,
	BOX_SNS_HOLD,
	BOX_JOB_TIME, BOX_JOB_FAIL, BOX_JOB_ANSWER,
	/* in the order of enum box_ai */
	BOX_ASK_RATE, BOX_ANALYZE_RATE, BOX_EXEMPLARS_RATE, BOX_SUGGEST_RATE,
	BOX_ASK_CACHE, BOX_ANALYZE_CACHE, BOX_EXEMPLARS_CACHE,
	BOX_SUGGEST_CACHE,
	BOX_AI_WINDOW, BOX_AI_LATENCY,
	BOX_REFRESH_ROTATION, BOX_CHALLENGE, BOX_SECRET_HASH,
	BOX_RECORD_BODY,
	BOX_SETTINGS,
};

enum { BOX_PAGING_PAGE, BOX_PAGING_CURSOR };
enum { BOX_JOB_URL, BOX_JOB_LOCATION, BOX_JOB_ID };
enum { BOX_ROTATION_OFF, BOX_ROTATION_ON, BOX_ROTATION_STRICT };
enum { BOX_ORDER_NEWEST, BOX_ORDER_OLDEST, BOX_ORDER_SHUFFLED };

struct box_settings {
	_Atomic int64_t value[BOX_SETTINGS];
};

struct json;

void box_settings_init(struct box_settings *s);
int64_t box_setting(const struct box_settings *s, enum box_setting which);
/* "rate=5". 0 or -EINVAL. */
int box_settings_set_text(struct box_settings *s, struct str text,
			  struct err *err) MUST_CHECK;
/* {"rate": 5, "order": "oldest"}: all or nothing. */
int box_settings_set_json(struct box_settings *s, const struct json *v,
			  struct err *err) MUST_CHECK;
void box_settings_put(struct buf *out, const struct box_settings *s);

#endif
