/*
 * An incident from an alarm, the pages' first pattern: alarm_data as JSON on
 * standard input, the incident's id on standard output.
 *
 *	cc alarm.c $(pkg-config --cflags --libs stackflow) -o alarm
 *	echo '{"AlarmName": "pay-db-cpu", "severity": "HIGH"}' | ./alarm
 *
 * The environment is that of quick_start.c. Each call creates: where alarms
 * repeat, and where they clear, tocsin keeps one incident instead.
 */
#include <stdio.h>

#include <stackflow/answer.h>
#include <stackflow/doc/json.h>
#include <stackflow/doc/jsonw.h>
#include <stackflow/stackflow.h>

static const char *priority_of(struct str severity)
{
	static const char *const map[][2] = {
		{ "CRITICAL", "P1" }, { "HIGH", "P2" },
		{ "MEDIUM", "P3" }, { "LOW", "P4" },
	};

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (str_is(severity, map[i][0]))
			return map[i][1];
	return "P3";	/* none, or one that isn't known */
}

static void put_incident(struct buf *out, const struct json *alarm)
{
	struct str description = json_get_str(alarm, "AlarmDescription");
	struct str ci = json_get_str(alarm, "stackflow_ci_id");
	struct buf title = BUF_INIT(4096);
	struct jsonw w = JSONW(out);

	buf_puts(&title, "CloudWatch Alarm: ");
	buf_put_str(&title, json_get_str(alarm, "AlarmName"));
	jsonw_object(&w);
	jsonw_kstr(&w, "short_description", buf_str(&title));
	jsonw_kstr(&w, "description", description.p ? description : STR(""));
	jsonw_kcstr(&w, "priority",
		    priority_of(json_get_str(alarm, "severity")));
	jsonw_kcstr(&w, "category", "monitoring");
	jsonw_kcstr(&w, "subcategory", "cloudwatch");
	jsonw_kcstr(&w, "assignment_group", "Platform Engineering");
	if (ci.p)
		jsonw_kstr(&w, "ci_id", ci);
	jsonw_end_object(&w);
	buf_fini(&title);
}

static bool create(struct sf_client *c, const struct json *alarm)
{
	struct buf json = BUF_INIT(1 << 20);
	struct sf_answer *a = sf_answer_new(c);
	const struct sf_result *r;
	bool ok;

	put_incident(&json, alarm);
	/* A buffer keeps its first error: one question is enough. */
	r = sf_answer_wait(a, buf_error(&json) ? buf_error(&json) :
			   sf_incident_create(c, buf_str(&json), NULL,
					      sf_answer_done, a));
	ok = r->outcome == SF_OK;
	if (ok)
		printf("%.*s\n", STR_ARG(r->id));
	else	/* SF_UNKNOWN: it may be there all the same, look first */
		fprintf(stderr, "%s%s\n", r->problem,
			r->outcome == SF_UNKNOWN ?
			" (it may have been created)" : "");
	sf_answer_free(a);
	buf_fini(&json);
	return ok;
}

static bool read_alarm(struct json **out, struct err *err)
{
	struct buf text = BUF_INIT(256 << 10);
	size_t n;
	char part[4096];
	int ret;

	while ((n = fread(part, 1, sizeof(part), stdin)) > 0)
		buf_put(&text, part, n);
	ret = buf_error(&text) ?
		err_set(err, buf_error(&text), "more than 256 KiB") :
		json_parse(out, buf_str(&text), 0, err);
	if (!ret && !json_get_str(*out, "AlarmName").p) {
		json_free(*out);
		ret = err_set(err, -1, "it has no \"AlarmName\"");
	}
	buf_fini(&text);
	return !ret;
}

int main(void)
{
	struct sf_client *c;
	struct json *alarm;
	struct err err;
	bool ok;

	if (!read_alarm(&alarm, &err)) {
		fprintf(stderr, "this is no alarm: %s\n", err.text);
		return 2;
	}
	if (sf_client_new_from_env(&c, &err)) {
		fprintf(stderr, "%s\n", err.text);
		json_free(alarm);
		return 2;
	}
	ok = create(c, alarm);
	sf_client_free(c);
	json_free(alarm);
	return ok ? 0 : 1;
}
