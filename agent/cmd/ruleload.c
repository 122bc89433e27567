#include "agent/cmd/ruleload.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/cmd/cmd.h"
#include "agent/conf.h"

static void tell(const struct faults *faults)
{
	struct buf text = BUF_INIT(1 << 20);

	faults_put_text(&text, faults);
	fputs(buf_str(&text).p, stderr);
	buf_fini(&text);
}

int ruleload_conf(struct ruleset **out, const char *conf)
{
	const char *path = conf_path(conf);
	struct rule_file_list list = { 0 };
	struct ruleset *rules = NULL;
	struct faults faults;
	struct conf *c = NULL;
	int rc = 0;

	faults_init(&faults);
	if (conf_named(conf) || access(path, F_OK) == 0) {
		rc = conf_look(&c, conf, &faults);
		if (!rc)
			rc = conf_rule_files(&list, c, &faults);
	}
	if (!rc)
		rules = ruleset_load(list.sources, list.count, &faults, NULL);
	tell(&faults);
	if (faults.errors || rc || !rules) {
		ruleset_free(rules);
		rc = CMD_CONFIG;
	} else {
		*out = rules;
	}
	rule_files_free(&list);
	conf_free(c);
	faults_fini(&faults);
	return rc;
}

int ruleload_paths(struct ruleset **out, const char *command,
		   const char *const *paths, int count)
{
	struct rule_file_list list = { 0 };
	struct ruleset *rules = NULL;
	struct faults faults;
	int rc = 0;

	faults_init(&faults);
	for (int i = 0; !rc && i < count; i++) {
		rc = rule_files_add(&list, paths[i], RULE_FILES, &faults);
		if (rc == -ENOENT)
			fault_add(&faults, FAULT_ERROR, "no-file", paths[i], 0,
				  0, "no such file or folder");
	}
	if (!rc && !list.count) {
		fprintf(stderr, "tocsin %s: %s: no rule file (*.yaml) is "
			"there\n", command, paths[0]);
		rc = -ENOENT;
	}
	if (!rc)
		rules = ruleset_load(list.sources, list.count, &faults, NULL);
	tell(&faults);
	if (faults.errors || rc || !rules) {
		ruleset_free(rules);
		rc = CMD_FAILED;
	} else {
		*out = rules;
	}
	rule_files_free(&list);
	faults_fini(&faults);
	return rc;
}
