/* What a finding says, and what would mend it. */
#include "agent/report/findings.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/jsonw.h"
#include "doc/utf8.h"

#define MINUTE_MS 60000LL
#define TEXT_MAX (64 << 10)

/* One row while it is written. */
struct telling {
	struct finding_row *row;
	struct buf text, advice, yaml;
	const struct facts_head *head;
};

static const char *plural(uint64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

static unsigned long long ull(uint64_t n)
{
	return n;
}

static void put_day(struct buf *out, int64_t ms)
{
	size_t at = out->n;

	clock_put_seconds(out, ms);
	if (out->n > at + 10)
		buf_truncate(out, at + 10);
}

/* As it is shown, too: what would turn the direction of reading is escaped. */
static void put_character(struct buf *out, struct str c, uint32_t cp)
{
	struct buf safe = BUF_INIT(64);

	utf8_put_safe(&safe, c, 32);
	if (str_eq(buf_str(&safe), c))
		buf_put_str(out, c);
	else
		buf_printf(out, cp > 0xffff ? "\\U%08X" : "\\u%04X", cp);
	buf_fini(&safe);
}

/* A string of YAML, on one line. */
static void put_quoted(struct buf *out, struct str s)
{
	struct buf json = BUF_INIT(TEXT_MAX);
	const unsigned char *p, *end;
	uint32_t cp;
	size_t n;

	jsonw_put_quoted(&json, s);
	p = (const unsigned char *)buf_str(&json).p;
	for (end = p + json.n; p < end; p += n) {
		n = utf8_char(p, end, &cp);
		if (!n)		/* no memory for all of it */
			break;
		put_character(out, (struct str){ (const char *)p, n }, cp);
	}
	buf_fini(&json);
}

static void put_alarms(struct buf *out, const struct alarm_facts *a)
{
	buf_printf(out, "went into ALARM %llu %s", ull(a->alarms),
		   plural(a->alarms, "time", "times"));
}

/* ---- alarms ---- */

static void no_ok(struct telling *t, const struct alarm_facts *a)
{
	put_alarms(&t->text, a);
	buf_puts(&t->text, ", and nothing is told when it is OK again");
	buf_puts(&t->advice, "Add the topic to the alarm's OK actions; until "
			     "then only reconcile, or a person, ends its "
			     "incidents.");
}

/* The least of these that holds what was seen. */
static const char *within(int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *text;
	} steps[] = {
		{ 10 * MINUTE_MS, "10m" }, { 30 * MINUTE_MS, "30m" },
		{ 60 * MINUTE_MS, "1h" },
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (ms <= steps[i].ms)
			return steps[i].text;
	return "2h";
}

static void flapping(struct telling *t, const struct alarm_facts *a)
{
	buf_printf(&t->text, "changed its state %llu times on ",
		   ull(a->worst_changes));
	put_day(&t->text, a->worst_day);
	buf_printf(&t->text, ", %llu times in all", ull(a->changes));
	buf_puts(&t->advice, "Keep one incident open while it flaps.");
	buf_printf(&t->yaml, "flap: {transitions: 4, within: %s}",
		   within(a->least_ms));
	t->row->yaml_in = "policy";
}

static void always_on(struct telling *t, const struct alarm_facts *a)
{
	int64_t firing = alarm_firing_ms(a, t->head->to_ms);
	int64_t known = alarm_known_ms(a, t->head->to_ms);

	if (a->firing) {
		buf_puts(&t->text, "in ALARM since ");
		clock_put_seconds(&t->text, a->since_ms);
	} else {
		buf_puts(&t->text, "in ALARM again and again");
	}
	if (known > 0)
		buf_printf(&t->text, ", %lld %% of the time it was watched",
			   (long long)(firing * 100 / known));
	buf_puts(&t->advice, "Mend what it watches or move its threshold: "
			     "nobody acts on what is always red.");
}

static void noisy(struct telling *t, const struct alarm_facts *a)
{
	bool repeats = a->repeats > 5 * a->incidents;

	buf_printf(&t->text, "%llu %s, %llu %s, %llu %s", ull(a->incidents),
		   plural(a->incidents, "incident", "incidents"),
		   ull(a->repeats), plural(a->repeats, "repeat", "repeats"),
		   ull(a->notes), plural(a->notes, "note", "notes"));
	buf_puts(&t->advice, repeats ?
			 "Write its repeats together into fewer notes." :
			 "Open an incident only when it comes more than once.");
	buf_puts(&t->yaml, repeats ? "notes: {every: 1h, max: 20}" :
				     "open_when: {count: 2, within: 30m}");
	t->row->yaml_in = "policy";
}

static void put_unasked(struct buf *out, const struct alarm_facts *a)
{
	if (a->unasked)
		buf_printf(out, "; of %llu more StackFlow wasn't asked",
			   ull(a->unasked));
}

static void untaken(struct telling *t, const struct alarm_facts *a)
{
	buf_printf(&t->text, "%llu of %llu %s ended before anybody took %s",
		   ull(a->untaken), ull(a->incidents),
		   plural(a->incidents, "incident", "incidents"),
		   plural(a->untaken, "it", "them"));
	put_unasked(&t->text, a);
	if (a->priority == 4) {
		buf_puts(&t->advice, "Nobody acts on it and it is P4 already: "
				     "take its action away, or the alarm.");
		return;
	}
	buf_puts(&t->advice, "If nobody has to act on it, give it a lower "
			     "severity.");
	buf_puts(&t->yaml, "severity: low");
	t->row->yaml_in = "policy";
}

static void brief(struct telling *t, const struct alarm_facts *a)
{
	buf_printf(&t->text, "%llu of %llu %s ended within minutes and "
		   "without anybody, the longest after ", ull(a->brief),
		   ull(a->incidents),
		   plural(a->incidents, "incident", "incidents"));
	clock_put_span(&t->text, a->brief_ms / 1000 * 1000);
	buf_puts(&t->advice, "Wait until it lasts before an incident opens.");
	buf_printf(&t->yaml, "open_after: %lldm",
		   (long long)(a->brief_ms / MINUTE_MS + 1));
	t->row->yaml_in = "policy";
}

static void urgent(struct telling *t, const struct alarm_facts *a)
{
	buf_printf(&t->text, "%llu of %llu incidents were P1 or P2",
		   ull(a->urgent), ull(a->incidents));
	buf_puts(&t->advice, "Keep P1 and P2 for what somebody must get up "
			     "for; this one came often.");
	buf_puts(&t->yaml, "severity: medium");
	t->row->yaml_in = "policy";
}

static void no_ci(struct telling *t, const struct alarm_facts *a)
{
	if (a->no_ci)
		buf_printf(&t->text, "%llu of %llu %s without a CI",
			   ull(a->no_ci), ull(a->incidents),
			   plural(a->incidents, "incident", "incidents"));
	if (a->fallback_ci)
		buf_printf(&t->text, "%s%llu with the fallback CI: no look-up "
			   "found one", a->no_ci ? ", " : "",
			   ull(a->fallback_ci));
	buf_puts(&t->advice, "Tell the file which CI it is, with the CI's own "
			     "id in place of CI0000000.");
	buf_puts(&t->yaml, "ci:\n  - {map: {");
	put_quoted(&t->yaml, a->name);
	buf_puts(&t->yaml, ": CI0000000}, key: \"${alarm}\"}");
	t->row->yaml_in = "file";
}

static void of_alarm(struct telling *t, enum finding_kind k,
		     const struct alarm_facts *a)
{
	static void (*const tell[])(struct telling *,
				    const struct alarm_facts *) = {
		[FINDING_NO_OK] = no_ok, [FINDING_FLAPPING] = flapping,
		[FINDING_ALWAYS_ON] = always_on, [FINDING_NOISY] = noisy,
		[FINDING_UNTAKEN] = untaken, [FINDING_BRIEF] = brief,
		[FINDING_URGENT] = urgent, [FINDING_NO_CI] = no_ci,
	};

	*t->row = (struct finding_row){ .team = a->team, .what = a->name,
					.account = a->account,
					.region = a->region,
					.where = a->where };
	tell[k](t, a);
}

/* ---- the rest ---- */

static void of_rule(struct telling *t, const struct rule_facts *r,
		    struct arena *arena)
{
	*t->row = (struct finding_row){
		.team = r->team, .what = r->policy,
		.where = arena_printf(arena, "%.*s:%d", STR_ARG(r->file),
				      r->line),
	};
	buf_puts(&t->text, "decided nothing since ");
	put_day(&t->text, t->head->first_ms &&
				  t->head->first_ms < t->head->from_ms ?
			  t->head->from_ms : t->head->first_ms ?
			  t->head->first_ms : t->head->from_ms);
	buf_puts(&t->advice, "Take it out, or have a rule test say what it is "
			     "for.");
}

static void of_silence(struct telling *t, const struct silence_facts *s)
{
	*t->row = (struct finding_row){ .what = s->match };
	buf_printf(&t->text, "held %llu %s, was set or extended %llu %s, for ",
		   ull(s->held), plural(s->held, "event", "events"),
		   ull(s->set), plural(s->set, "time", "times"));
	clock_put_span(&t->text, s->span_ms / 1000 * 1000);
	buf_puts(&t->text, s->active ? " in all, and is active; " : " in all; ");
	buf_printf(&t->text, "%.*s: %.*s", STR_ARG(s->owner),
		   STR_ARG(s->reason));
	buf_puts(&t->advice, "Mend the alarm, or write what is known of it "
			     "into its team's file as a window with an owner "
			     "and an end.");
}

static void of_source(struct telling *t, const struct source_facts *s)
{
	*t->row = (struct finding_row){
		.what = s->topic.n ? s->topic : s->kind,
		.account = s->account, .region = s->region, .where = s->where,
	};
	buf_printf(&t->text, "%llu %s of %llu %s, %llu %s; the first was %.*s",
		   ull(s->events), plural(s->events, "event", "events"),
		   ull(s->alarms), plural(s->alarms, "alarm", "alarms"),
		   ull(s->incidents),
		   plural(s->incidents, "incident", "incidents"),
		   STR_ARG(s->example));
	buf_puts(&t->advice, "Let the team whose it is claim it.");
	buf_puts(&t->yaml, "claims:\n  - {");
	if (s->account.n) {
		buf_puts(&t->yaml, "account: ");
		put_quoted(&t->yaml, s->account);
		buf_puts(&t->yaml, ", ");
	}
	buf_puts(&t->yaml, s->topic.n ? "topic: " : "kind: ");
	put_quoted(&t->yaml, s->topic.n ? s->topic : s->kind);
	buf_putc(&t->yaml, '}');
	t->row->yaml_in = "file";
}

void finding_describe(struct finding_row *out, enum finding_kind k,
		      const struct candidate *c, const struct facts_head *head,
		      struct arena *arena)
{
	struct telling t = { .row = out, .head = head };

	buf_init(&t.text, TEXT_MAX);
	buf_init(&t.advice, TEXT_MAX);
	buf_init(&t.yaml, TEXT_MAX);
	switch (k) {
	case FINDING_UNHIT:
		of_rule(&t, c->of, arena);
		break;
	case FINDING_SILENCES:
		of_silence(&t, c->of);
		break;
	case FINDING_UNCLAIMED:
		of_source(&t, c->of);
		break;
	default:
		of_alarm(&t, k, c->of);
	}
	out->number = k == FINDING_SILENCES ? c->number - 1 : c->number;
	buf_putc(&t.text, '.');
	if (t.text.p && t.text.p[0] >= 'a' && t.text.p[0] <= 'z')
		t.text.p[0] -= 'a' - 'A';
	out->text = arena_str(arena, buf_str(&t.text));
	out->advice = arena_str(arena, buf_str(&t.advice));
	out->yaml = arena_str(arena, buf_str(&t.yaml));
	buf_fini(&t.text);
	buf_fini(&t.advice);
	buf_fini(&t.yaml);
}
