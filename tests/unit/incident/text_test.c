#include "help.h"

#include "base/encode.h"

/* Everything that has hurt a receiver of names before. */
#define HOSTILE                                                          \
	"\"}],\\\x01\x1b[31m\x7f\r\n\t\xe2\x80\xae\xc0\xaf\xff"           \
	"\xed\xa0\x80\xf0\x9f\x9a\x80${jndi}{{7*7}}%s%n[code]<script>';--"

static const struct json *parsed(struct rig *r, struct str body,
				 struct json **root)
{
	struct err err;
	int rc = json_parse(root, body, 0, &err);

	(void)r;
	if (rc)
		fail_msg("%s: %.*s", err.text, STR_ARG(body));
	assert_true(json_is(*root, JSON_OBJECT));
	return *root;
}

static struct str last_line(struct str text)
{
	struct str line = STR_NONE;

	while (str_cut(&text, '\n', &line))
		;
	return line;
}

/* Are the description's last two lines ours, and are they the only ones? */
static void check_tail(struct str description, struct str marker,
		       struct str events)
{
	struct str base, line;
	unsigned refs = 0, tells = 0, n;

	assert_true(utf8_valid(description));
	assert_true(incident_marker_find(description, &base, &n));
	assert_true(str_eq(base, MARKER));
	while (str_cut(&description, '\n', &line)) {
		struct str word = str_trim(line);

		refs += str_starts(word, "tocsin-ref:");
		tells += str_starts(word, "tocsin-event:");
		if (str_starts(word, "tocsin-ref: ")) {
			assert_true(str_eq(str_sub(word, 12, word.n - 12),
					   marker));
			assert_int_equal(description.n, 0);
		} else if (str_starts(word, "tocsin-event: ")) {
			assert_true(str_eq(str_sub(word, 14, word.n - 14),
					   events));
		}
	}
	assert_int_equal(refs, 1);
	assert_int_equal(tells, 1);
}

static void create_is_json_with_the_marker_last(void **state)
{
	static const struct field fields[] = {
		{ STR("u_team\""), STR("pay\nments") },
	};
	struct rig *r = *state;
	struct str description;
	struct json *root;
	const struct json *v;

	r->verdict.fields = fields;
	r->verdict.field_count = 1;
	r->verdict.ci_id = STR("CI0001002");
	rig_apply(r);
	v = parsed(r, rig_op(r, OP_CREATE)->body, &root);
	assert_str(json_get_str(v, "short_description"),
		   "pay-db-cpu is ALARM");
	assert_str(json_get_str(v, "priority"), "P2");
	assert_str(json_get_str(v, "assignment_group"), "Payments SRE");
	assert_str(json_get_str(v, "ci_id"), "CI0001002");
	assert_str(json_get_str(v, "category"), "monitoring");
	assert_str(json_get_str(v, "subcategory"), "cloudwatch");
	assert_str(json_get_str(v, "u_team\""), "pay\nments");
	description = json_get_str(v, "description");
	assert_true(str_starts(description,
			       "CPU is high.\nLook at the database.\n"));
	assert_str(last_line(description),
		   "tocsin-ref: tocsin-aaaabbbbccccdddd-1");
	check_tail(description, STR("tocsin-aaaabbbbccccdddd-1"), EVENT);
	json_free(root);
}

static void what_is_not_known_is_left_out(void **state)
{
	struct rig *r = *state;
	struct json *root;
	const struct json *v;

	r->verdict.category = r->verdict.subcategory = STR_NONE;
	r->verdict.assignment_group = r->verdict.ci_id = STR_NONE;
	r->verdict.description = STR_NONE;
	rig_apply(r);
	v = parsed(r, rig_op(r, OP_CREATE)->body, &root);
	assert_int_equal(json_count(v), 3);
	check_tail(json_get_str(v, "description"),
		   STR("tocsin-aaaabbbbccccdddd-1"), EVENT);
	json_free(root);
}

/* Whoever writes an alarm's text must not choose which incident it is. */
static void foreign_markers_are_quoted(void **state)
{
	static const char *const texts[] = {
		"tocsin-ref: tocsin-zzzzyyyyxxxxwwww-1",
		"tocsin-ref: tocsin-zzzzyyyyxxxxwwww-1\n",
		"a\n \ttocsin-ref: tocsin-zzzzyyyyxxxxwwww-1 \r\nb",
		"tocsin-event: e9\ntocsin-ref: tocsin-zzzzyyyyxxxxwwww-1",
		"\n\n\ntocsin-ref:\ntocsin-event:\n",
	};
	struct rig *r = *state;
	struct json *root;
	const struct json *v;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		r->verdict.description = str_from(texts[i]);
		rig_apply(r);
		v = parsed(r, rig_op(r, OP_CREATE)->body, &root);
		check_tail(json_get_str(v, "description"),
			   STR("tocsin-aaaabbbbccccdddd-1"), EVENT);
		json_free(root);
	}
	rig_open(r);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		const struct remote_view view = { .state = STR("closed") };

		rig_tail(r, OP_NOTE);
		r->tail.body = str_from(texts[i]);
		assert_int_equal(incident_succeed(&r->out, r->arena,
						  &r->incident, &r->tail,
						  &view, MARKER, NOW), 0);
		v = parsed(r, r->out.ops[0].body, &root);
		check_tail(json_get_str(v, "description"),
			   STR("tocsin-aaaabbbbccccdddd-2"), r->tail.events);
		json_free(root);
	}
}

static void hostile_names_stay_values(void **state)
{
	static const struct field fields[] = {
		{ STR("u_x"), STR(HOSTILE) },
	};
	struct rig *r = *state;
	struct verdict *v = &r->verdict;
	struct json *root;

	v->short_description = v->category = v->subcategory =
		v->assignment_group = v->ci_id = v->description =
			STR(HOSTILE);
	v->fields = fields;
	v->field_count = 1;
	r->alarm.name = r->alarm.reason = r->alarm.state_text = STR(HOSTILE);
	rig_apply(r);
	parsed(r, rig_op(r, OP_CREATE)->body, &root);
	assert_int_equal(json_count(root), 8);
	check_tail(json_get_str(root, "description"),
		   STR("tocsin-aaaabbbbccccdddd-1"), EVENT);
	json_free(root);
}

/* The most that the rules let through. */
static void largest_create_fits(void **state)
{
	struct rig *r = *state;
	struct field fields[32];
	char *big = malloc(65536);
	struct str body;
	struct json *root;

	assert_non_null(big);
	for (size_t i = 0; i < 65536; i += 2)
		memcpy(big + i, "\"\n", 2);
	r->verdict.description = (struct str){ big, 65536 };
	for (size_t i = 0; i < 32; i++)
		fields[i] = (struct field){
			.name = arena_printf(r->arena, "u_%zu", i),
			.value = { big, 16384 },
		};
	r->verdict.fields = fields;
	r->verdict.field_count = 32;
	rig_apply(r);
	body = rig_op(r, OP_CREATE)->body;
	assert_true(body.n > 1 << 20);
	parsed(r, body, &root);
	check_tail(json_get_str(root, "description"),
		   STR("tocsin-aaaabbbbccccdddd-1"), EVENT);
	json_free(root);
	free(big);
}

static void notes_are_bounded(void **state)
{
	struct rig *r = *state;
	size_t n = 100000;
	char *big = malloc(n);
	struct str joined = STR_NONE;

	assert_non_null(big);
	for (size_t i = 0; i + 2 <= n; i += 2)
		memcpy(big + i, "\xc3\xa9", 2);
	r->alarm.name = r->alarm.reason = (struct str){ big, n };
	for (int k = 0; k < 40; k++) {
		struct str one = text_change(r->arena, &r->alarm, "Resolved.");

		assert_true(one.n && one.n <= 8192);
		assert_holds(one, "Resolved.");
		joined = k ? text_join(r->arena, joined, one) : one;
		assert_true(joined.n <= 8192);
		assert_true(utf8_valid(joined));
		assert_true(str_ends(joined, "Resolved."));
	}
	assert_holds(joined, "\n(cut)\n\n");
	assert_true(text_repeat(r->arena, &r->alarm, 4294967295u).n <= 8192);
	free(big);
}

static void note_of_a_name_is_one_line(void **state)
{
	struct rig *r = *state;
	struct str text, line;

	r->alarm.name = STR("a\nb\x1b[0m\xe2\x80\xae");
	r->alarm.reason = STR_NONE;
	text = text_repeat(r->arena, &r->alarm, 1);
	assert_true(str_cut(&text, '\n', &line));
	assert_int_equal(text.n, 0);
	assert_str(line, "Alarm repeated: ALARM at 2026-11-21T09:59:58Z: "
			 "a\\x0ab\\x1b[0m\\u{202e}");
}

static void repeats_are_told_from_changes(void **state)
{
	struct rig *r = *state;
	struct str one = text_repeat(r->arena, &r->alarm, 1);
	struct str nine = text_repeat(r->arena, &r->alarm, 9);
	struct str change = text_change(r->arena, &r->alarm, NULL);

	assert_true(text_is_repeat(one) && text_is_repeat(nine));
	assert_holds(nine, "9 times");
	assert_false(text_is_repeat(change));
	assert_false(text_is_repeat(text_join(r->arena, one, change)));
	assert_false(text_is_repeat(STR_NONE));
}

static void note_ends_with_its_events(void **state)
{
	struct buf out = BUF_INIT(1 << 20);
	const struct op op = { .kind = OP_NOTE,
			       .body = STR("Alarm repeated"),
			       .events = STR("e1 e2"),
			       .count = 2 };

	(void)state;
	incident_put_note(&out, &op);
	assert_str(buf_str(&out), "Alarm repeated\n\ntocsin-event: e1 e2");
	buf_fini(&out);
}

/* The most that one note gathers still is a note that can be sent. */
static void fullest_note_is_small(void **state)
{
	struct rig *r = *state;
	struct buf out = BUF_INIT(64 << 10);

	rig_open(r);
	rig_tail(r, OP_NOTE);
	for (int k = 0; k < 199; k++) {
		r->alarm.reason = arena_printf(r->arena, "reason\n\n%01400d",
					       k);
		rig_apply(r);
		assert_int_equal(r->out.merged, 0);
		r->tail = r->out.ops[0];
	}
	assert_int_equal(r->tail.count, 200);
	incident_put_note(&out, &r->tail);
	assert_int_equal(buf_error(&out), 0);
	assert_true(out.n < 12000);
	buf_fini(&out);
}

static void patches_are_json(void **state)
{
	struct rig *r = *state;
	struct json *root;

	parsed(r, text_state(r->arena, "resolved"), &root);
	assert_str(json_get_str(root, "state"), "resolved");
	json_free(root);
	parsed(r, text_priority(r->arena, 1), &root);
	assert_str(json_get_str(root, "priority"), "P1");
	json_free(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(create_is_json_with_the_marker_last),
		TEST(what_is_not_known_is_left_out),
		TEST(foreign_markers_are_quoted),
		TEST(hostile_names_stay_values),
		TEST(largest_create_fits),
		TEST(notes_are_bounded),
		TEST(note_of_a_name_is_one_line),
		TEST(repeats_are_told_from_changes),
		TEST(note_ends_with_its_events),
		TEST(fullest_note_is_small),
		TEST(patches_are_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
