/*
 * The files of AWS's command line and a credential_process in them. The first
 * line of the input is the profile's name; a line "====" parts the credentials
 * file from the configuration.
 */
#include "must.h"

#include <errno.h>

#include "aws/creds_ini.h"
#include "aws/creds_source.h"

static bool within(struct str s, struct str text)
{
	return s.p >= text.p && s.p + s.n <= text.p + text.n;
}

/* Values are cut out of their file, without blanks around and on one line. */
static void check(const struct creds_profile *p, const struct creds_text *a,
		  const struct creds_text *b)
{
	bool any = false;

	for (int i = 0; i < CREDS_KEYS; i++) {
		const struct creds_setting *s = &p->set[i];

		if (!s->value.p)
			continue;
		any = true;
		MUST(s->line > 0 && s->value.n > 0);
		MUST(within(s->value, s->file == a->file ? a->text : b->text));
		MUST(str_eq(str_trim(s->value), s->value));
		MUST(str_find_char(s->value, '\n') < 0);
		MUST(str_find_char(s->value, '\0') < 0);
	}
	MUST(p->found || !any);
	if (p->set[CREDS_KEY_ID].value.p && p->set[CREDS_KEY_SECRET].value.p)
		MUST(p->set[CREDS_KEY_ID].file ==
		     p->set[CREDS_KEY_SECRET].file);
}

static void try_command(struct str command)
{
	struct buf room = BUF_INIT(20000);
	struct err err = { "" };
	char *argv[8];
	int rc = creds_split(argv, 8, &room, command, &err);

	MUST((rc == 0) == (err.text[0] == '\0'));
	for (size_t i = 0; rc == 0 && argv[i]; i++)
		MUST(i < 7 && argv[i] >= room.p &&
		     argv[i] + strlen(argv[i]) < room.p + room.n);
	buf_fini(&room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size }, name;
	struct creds_text a = { STR(""), "credentials", false };
	struct creds_text b = { STR(""), "config", true };
	struct creds_profile p = { 0 };
	struct err err = { "" };
	ssize_t half;
	int rc;

	if (!str_cut(&in, '\n', &name) || !in.p)
		return 0;
	half = str_find(in, STR("====\n"));
	b.text = in;
	if (half >= 0) {
		a.text = str_sub(in, 0, (size_t)half);
		b.text = str_sub(in, (size_t)half + 5, in.n - (size_t)half - 5);
	}
	rc = creds_profile_read(&p, &a, &b, name, &err);
	MUST(rc == 0 || rc == -EINVAL);
	MUST((rc == 0) == (err.text[0] == '\0'));
	if (rc == 0) {
		check(&p, &a, &b);
		if (p.set[CREDS_KEY_PROCESS].value.p)
			try_command(p.set[CREDS_KEY_PROCESS].value);
	}
	try_command(name);
	return 0;
}
