#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cmd/args.h"
#include "agent/conf.h"
#include "agent/ruletest/schema.h"
#include "base/clock.h"
#include "doc/code.h"
#include "doc/yaml.h"

/* Is this file a configuration rather than rules? By what stands at its top. */
static bool is_conf(struct str text)
{
	static const char *const rule_keys[] = { "team", "version", "claims",
						 "policies", "platform",
						 "severity" };
	static const char *const conf_keys[] = { "listen", "sns", "stackflow",
						 "store", "webhooks", "rules",
						 "admin", "sqs", "aws" };
	struct arena *arena = arena_new(64 << 20);
	struct faults quiet;
	struct yaml *doc;
	bool rules = false, conf = false;

	faults_init(&quiet);
	doc = arena ? yaml_read(arena, text, "", &quiet) : NULL;
	for (size_t i = 0; doc && i < 6; i++)
		rules |= yaml_get(doc, rule_keys[i]) != NULL;
	for (size_t i = 0; doc && i < 9; i++)
		conf |= yaml_get(doc, conf_keys[i]) != NULL;
	faults_fini(&quiet);
	arena_free(arena);
	return conf && !rules;
}

static int check_rules(struct rule_file_list *list, struct faults *faults)
{
	struct ruleset *rules;
	struct rule_source *sources = calloc(list->count + 1,
					     sizeof(*sources));
	size_t n = 0;

	if (!sources)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++)
		if (list->sources[i].text.p)
			sources[n++] = list->sources[i];
	rules = ruleset_load(sources, n, faults, NULL);
	/* Nobody wrote what is built in. */
	if (rules && n)
		ruleset_lint(rules, clock_wall_ms(), faults);
	ruleset_free(rules);
	free(sources);
	return rules ? 0 : -ENOMEM;
}

static int check_conf(const char *path, bool with_rules, struct faults *faults)
{
	struct rule_file_list list = { 0 };
	struct conf *c;
	int rc = conf_load(&c, path, faults);

	if (rc)
		return rc == -ENOMEM ? rc : 0;
	if (with_rules) {
		rc = conf_rule_files(&list, c, faults);
		if (rc != -ENOMEM)
			rc = check_rules(&list, faults);
		rule_files_free(&list);
	}
	conf_free(c);
	return rc;
}

static int check_paths(char **paths, int count, struct faults *faults)
{
	struct rule_file_list list = { 0 };
	int rc = 0;

	for (int i = 0; rc != -ENOMEM && i < count; i++) {
		size_t before = list.count;

		rc = rule_files_add(&list, paths[i], RULE_FILES, faults);
		if (rc == -ENOENT)
			fault_add(faults, FAULT_ERROR, "no-file", paths[i], 0,
				  0, "no such file or folder");
		if (list.count != before + 1 ||
		    !list.sources[before].text.p ||
		    strcmp(list.paths[before], paths[i]) != 0 ||
		    !is_conf(list.sources[before].text))
			continue;
		/* A configuration stands by itself; take it off the list. */
		rc = check_conf(paths[i], false, faults);
		free((char *)(uintptr_t)list.sources[before].text.p);
		list.sources[before].text = STR_NONE;
	}
	if (rc != -ENOMEM)
		rc = list.count ? check_rules(&list, faults) : 0;
	rule_files_free(&list);
	return rc;
}

static int check_default(const char *conf, struct faults *faults)
{
	const char *path = conf_path(conf);

	/* Nothing is configured here: the built-in rules hold. */
	if (!conf_named(conf) && access(path, F_OK) != 0)
		return 0;
	return check_conf(conf, true, faults);
}

static void print_faults(const struct faults *faults, const char *format)
{
	struct buf out = BUF_INIT(4 << 20);

	if (strcmp(format, "json") == 0)
		faults_put_json(&out, faults);
	else if (strcmp(format, "github") == 0)
		faults_put_github(&out, faults);
	else
		faults_put_text(&out, faults);
	fputs(buf_str(&out).p, stdout);
	if (strcmp(format, "json") == 0)
		putchar('\n');
	buf_fini(&out);
}

static void make_strict(struct faults *faults)
{
	for (size_t i = 0; i < faults->count; i++) {
		faults->errors += faults->list[i].level == FAULT_WARNING;
		faults->list[i].level = FAULT_ERROR;
	}
}

static int explain_all(void)
{
	for (const struct fault_code *c = fault_codes(); c->code; c++)
		printf("%-20s %s\n", c->code, c->means);
	return CMD_OK;
}

static int explain(const char *name)
{
	const struct fault_code *c = fault_code_find(str_from(name));
	const char *near = c ? NULL : fault_code_nearest(str_from(name));
	struct buf out = BUF_INIT(1 << 16);

	if (!c) {
		fprintf(stderr, "tocsin check: there is no code `%s`%s%s%s\n",
			name, near ? ", did you mean `" : "", near ? near : "",
			near ? "`?" : "; --explain alone lists all");
		return CMD_FAILED;
	}
	fault_code_put(&out, c);
	fputs(buf_str(&out).p, stdout);
	buf_fini(&out);
	return CMD_OK;
}

static int print_schema(const char *kind)
{
	struct buf out = BUF_INIT(1 << 20);
	struct err err;
	int status = CMD_OK;

	if (schema_put(&out, kind, &err)) {
		fprintf(stderr, "tocsin check: %s\n", err.text);
		status = CMD_USAGE;
	} else {
		fputs(buf_str(&out).p, stdout);
	}
	buf_fini(&out);
	return status;
}

static int run(int argc, char **argv)
{
	struct faults faults;
	struct args a = { 0 };
	int status = args_read(&a, &cmd_check, argc, argv), rc;
	const char *format = "text";

	if (status >= 0)
		return status;
	if (a.explain)
		return a.rest_count ? explain(a.rest[0]) : explain_all();
	if (a.schema)
		return print_schema(a.schema);
	if (a.format)
		format = a.format;
	faults_init(&faults);
	rc = a.rest_count ? check_paths(a.rest, a.rest_count, &faults) :
			    check_default(a.conf, &faults);
	if (a.strict)
		make_strict(&faults);
	print_faults(&faults, format);
	if (rc == -ENOMEM)
		fputs("tocsin check: out of memory\n", stderr);
	status = rc == -ENOMEM || faults.errors ? CMD_FAILED : CMD_OK;
	if (status == CMD_OK && strcmp(format, "text") == 0)
		fprintf(stderr, "%s\n", faults.count ? "usable, with warnings" :
						       "no fault found");
	faults_fini(&faults);
	return status;
}

static const struct opt options[] = {
	OPT_CONF,
	{ "format", .value = "FORM", .words = "text|json|github",
	  .help = "text, json, or annotations for github",
	  ARG_TEXT(args, format) },
	{ "strict", .help = "warnings are errors", ARG_FLAG(args, strict) },
	{ "explain", .help = "what CODE means, with an example; or all codes",
	  ARG_FLAG(args, explain) },
	{ "schema", .value = "KIND", .words = "rules|platform|tests",
	  .help = "the JSON Schema of rules, platform or tests, for editors",
	  ARG_TEXT(args, schema) },
	{ .name = NULL },
};

const struct cmd cmd_check = {
	.name = "check",
	.summary = "validate configuration and rules",
	.forms = (const char *const[]){
		"[-c FILE] [--format FORM] [--strict] [PATH]...",
		"--explain [CODE]", "--schema KIND", NULL },
	.about =
		"Tells every fault of the configuration and its rules at once, on "
		"lines FILE:LINE:COLUMN: error[CODE]: TEXT. With PATH it looks at "
		"those files and folders alone.",
	.options = options,
	.operand = VALUE_FILE,
	.examples = (const char *const[]){
		"--strict rules.d", "--explain unknown-key", NULL },
	.statuses = "0 done, with warnings at most; 1 an error was found; "
		    "2 wrong usage.",
	.run = run,
};
