/*
 * Payloads as AWS and others really sent them, where TOCSIN_CORPUS names a
 * folder that holds them; they aren't ours to ship. What each must become
 * stands in tests/data/corpus.tsv: file, position, kind, source, state,
 * severity, time and name. After a wanted change TOCSIN_WRITE_EXPECTED=1
 * writes it anew.
 */
#include "help.h"

#include <dirent.h>

#include "base/clock.h"
#include "base/encode.h"

#define TABLE "tests/data/corpus.tsv"

struct corpus {
	struct buf *out;
	const char *file;
	int position;
};

static void check_written(const struct alarm *a)
{
	struct buf text = BUF_INIT(1 << 20);
	struct jsonw w = JSONW(&text);

	alarm_write(&w, a);
	assert_int_equal(json_scan(buf_str(&text), 0, NULL), 0);
	if (getenv("TOCSIN_CORPUS_SHOW"))
		printf("%.*s\n", STR_ARG(buf_str(&text)));
	buf_fini(&text);
}

static int put_row(const struct alarm_input *in, void *arg)
{
	struct corpus *c = arg;
	struct alarms alarms;

	assert_int_equal(alarm_decode(&alarms, in), 0);
	for (size_t i = 0; c->out && i < alarms.count; i++) {
		const struct alarm *a = &alarms.list[i];

		buf_printf(c->out, "%s\t%d\t%s\t%s\t%s%s\t%.*s\t", c->file,
			   c->position++, a->kind, a->source,
			   alarm_state_name(a->state),
			   a->event == ALARM_NOTICE ? " (told)" : "",
			   STR_ARG(a->severity));
		clock_put(c->out, a->time_ms);
		buf_putc(c->out, '\t');
		utf8_put_safe(c->out, a->name, 200);
		buf_putc(c->out, '\n');
	}
	for (size_t i = 0; i < alarms.count; i++)
		check_written(&alarms.list[i]);
	alarms_fini(&alarms);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t list_folder(char *names[], size_t max, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	size_t n = 0;

	if (!dir)
		return 0;
	while ((e = readdir(dir)) && n < max)
		if (str_ends(str_from(e->d_name), ".json"))
			names[n++] = strdup(e->d_name);
	closedir(dir);
	qsort(names, n, sizeof(*names), by_name);
	return n;
}

/* Every file of the folder, its rows appended to out, if there is one. */
static size_t read_folder(struct buf *out, const char *corpus,
			  const char *folder)
{
	struct buf text = BUF_INIT(4 << 20);
	char path[1024], *names[1000];
	struct err err;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", corpus, folder);
	n = list_folder(names, 1000, path);
	for (size_t i = 0; i < n; i++) {
		struct corpus c = { out, names[i], 0 };

		snprintf(path, sizeof(path), "%s/%s/%s", corpus, folder,
			 names[i]);
		buf_reset(&text);
		assert_true(slurp(&text, path));
		if (alarm_unwrap(buf_str(&text), NOW, put_row, &c, &err) < 1 &&
		    str_find(str_from(err.text), STR("subscription")) < 0)
			fail_msg("%s: %s", path, err.text);
		free(names[i]);
	}
	buf_fini(&text);
	return n;
}

static void compare(struct str got, struct str expected)
{
	struct str a, b;

	while (str_cut(&expected, '\n', &a)) {
		if (!str_cut(&got, '\n', &b))
			b = STR("(nothing)");
		if (!str_eq(a, b))
			fail_msg("expected: %.*s\ngot:      %.*s", STR_ARG(a),
				 STR_ARG(b));
	}
}

static void test_corpus(void **state)
{
	const char *corpus = getenv("TOCSIN_CORPUS");
	struct buf got = BUF_INIT(1 << 20), expected = BUF_INIT(1 << 20);
	FILE *f;

	(void)state;
	if (!corpus || read_folder(&got, corpus, "payloads") == 0) {
		skip();
		return;
	}
	if (getenv("TOCSIN_WRITE_EXPECTED")) {
		f = fopen(TABLE, "wb");
		assert_non_null(f);
		assert_int_equal(fwrite(got.p, 1, got.n, f), got.n);
		assert_int_equal(fclose(f), 0);
	}
	assert_true(slurp(&expected, TABLE));
	compare(buf_str(&got), buf_str(&expected));
	read_folder(NULL, corpus, "sqs");
	read_folder(NULL, corpus, "sns-signed");
	buf_fini(&got);
	buf_fini(&expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
