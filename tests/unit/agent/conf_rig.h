#ifndef TEST_CONF_RIG_H
#define TEST_CONF_RIG_H

/* A folder with a tocsin.yaml, what loads from it and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/conf.h"

struct fixture {
	char folder[64];
	struct faults faults;
	struct conf *conf;
	struct buf said;
};

static int set_up(void **state)
{
	static const char *const names[] = {
		"BASE_URL",    "API_KEY",      "CLIENT_ID", "CLIENT_SECRET",
		"COGNITO_URL", "USER_POOL_ID", "EMAIL",	    "PASSWORD",
		"TOKEN",
	};
	struct fixture *f = calloc(1, sizeof(*f));
	char name[64];

	assert_non_null(f);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(name, sizeof(name), "STACKFLOW_%s", names[i]);
		unsetenv(name);
	}
	unsetenv("CREDENTIALS_DIRECTORY");
	snprintf(f->folder, sizeof(f->folder), "/tmp/tocsin-conf-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	faults_init(&f->faults);
	buf_init(&f->said, 1 << 20);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	conf_free(f->conf);
	faults_fini(&f->faults);
	buf_fini(&f->said);
	snprintf(command, sizeof(command), "rm -r %s", f->folder);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static const char *in(const struct fixture *f, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", f->folder, name);
	return path;
}

static void write_file(const struct fixture *f, const char *name,
		       const char *text)
{
	FILE *to = fopen(in(f, name), "w");

	assert_non_null(to);
	fputs(text, to);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(chmod(in(f, name), 0600), 0);
}

typedef int load(struct conf **out, const char *path, struct faults *faults);

static int run(struct fixture *f, load *how, const char *text)
{
	int rc;

	conf_free(f->conf);
	f->conf = NULL;
	faults_fini(&f->faults);
	buf_reset(&f->said);
	write_file(f, "tocsin.yaml", text);
	rc = how(&f->conf, in(f, "tocsin.yaml"), &f->faults);
	faults_put_text(&f->said, &f->faults);
	buf_put(&f->said, "", 0);
	assert_true((rc == -EINVAL) == (f->faults.errors > 0));
	assert_true((rc == 0) == (f->conf != NULL));
	return rc;
}

static const struct conf *loads(struct fixture *f, const char *text)
{
	if (run(f, conf_load, text))
		fail_msg("%s", f->said.p);
	return f->conf;
}

static inline void says(const struct fixture *f, const char *want)
{
	if (str_find(buf_str(&f->said), str_from(want)) < 0)
		fail_msg("no \"%s\" in\n%s", want, f->said.p);
}

static inline void refuses(struct fixture *f, const char *text, const char *want)
{
	if (run(f, conf_load, text) == 0)
		fail_msg("taken: %s", text);
	says(f, want);
}

#define LISTEN "listen: [{address: \"127.0.0.1:0\"}]\n"
#define HOOK "webhooks: [{path: /h, token: t}]\n"
#define AUTH "auth: {method: token, token: t}"
#define STACKFLOW                                                              \
	"stackflow: {base_url: \"https://sf.example/api\", " AUTH "}\n"
#define LEAST LISTEN HOOK STACKFLOW

#endif
