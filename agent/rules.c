#include "agent/rules.h"

#include <errno.h>
#include <stdlib.h>

struct rule_states {
	size_t count;
	struct {
		char *file, *path;
		bool stale, missing;
	} list[];
};

static struct rule_states *states_new(const struct rule_file_list *files)
{
	struct rule_states *s = calloc(1, sizeof(*s) + files->count *
						       sizeof(s->list[0]));

	if (!s)
		return NULL;
	s->count = files->count;
	for (size_t i = 0; i < s->count; i++) {
		s->list[i].file = strdup(files->sources[i].name);
		s->list[i].path = strdup(files->paths[i]);
		if (!s->list[i].file || !s->list[i].path) {
			rule_states_free(s);
			return NULL;
		}
	}
	return s;
}

void rule_states_free(struct rule_states *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++) {
		free(s->list[i].file);
		free(s->list[i].path);
	}
	free(s);
}

size_t rule_states_count(const struct rule_states *s)
{
	return s ? s->count : 0;
}

void rule_states_get(const struct rule_states *s, size_t i,
		     struct rule_state *out)
{
	*out = (struct rule_state){ s->list[i].file, s->list[i].path,
				    s->list[i].stale, s->list[i].missing };
}

bool rule_states_any_stale(const struct rule_states *s)
{
	for (size_t i = 0; s && i < s->count; i++)
		if (s->list[i].stale || s->list[i].missing)
			return true;
	return false;
}

/* Sources with those left out that have no text. */
static size_t compact(struct rule_source *out, size_t *origin,
		      const struct rule_file_list *files)
{
	size_t n = 0;

	for (size_t i = 0; i < files->count; i++) {
		if (!files->sources[i].text.p)
			continue;
		origin[n] = i;
		out[n++] = files->sources[i];
	}
	return n;
}

struct loading {
	struct rule_file_list files;
	struct rule_source *sources;
	size_t *origin;
	bool *bad;
	struct arena *arena;
};

static int loading_init(struct loading *l, const struct conf *conf,
			struct faults *faults)
{
	int rc = conf_rule_files(&l->files, conf, faults);

	if (rc == -ENOMEM)
		return rc;
	l->sources = calloc(l->files.count + 1, sizeof(*l->sources));
	l->origin = calloc(l->files.count + 1, sizeof(*l->origin));
	l->bad = calloc(l->files.count + 1, sizeof(*l->bad));
	l->arena = arena_new(256 << 20);
	return l->sources && l->origin && l->bad && l->arena ? 0 : -ENOMEM;
}

static void loading_fini(struct loading *l)
{
	rule_files_free(&l->files);
	free(l->sources);
	free(l->origin);
	free(l->bad);
	arena_free(l->arena);
}

/* Put the last good copy in a bad file's place. */
static int restore(struct loading *l, size_t i, struct store_reader *reader,
		   struct rule_states *states)
{
	struct str *mine = &l->files.sources[i].text, text = STR_NONE;
	char *copy = NULL;
	int rc = store_saved_rules(&text, reader, str_from(l->files.paths[i]),
				   l->arena);

	if (rc < 0)
		return rc;
	if (rc > 0) {
		copy = malloc(text.n + 1);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, text.p, text.n);
		copy[text.n] = '\0';
	}
	/* The list frees what it holds. */
	free((char *)(uintptr_t)mine->p);
	*mine = copy ? (struct str){ copy, text.n } : STR_NONE;
	states->list[i].stale = rc > 0;
	states->list[i].missing = rc == 0;
	return 0;
}

static int save(struct loading *l, struct store *store,
		struct store_reader *reader, const struct rule_states *states)
{
	for (size_t i = 0; i < l->files.count; i++) {
		struct str path = str_from(l->files.paths[i]), old;
		int rc;

		if (states->list[i].stale || states->list[i].missing)
			continue;
		rc = store_saved_rules(&old, reader, path, l->arena);
		if (rc < 0)
			return rc;
		if (rc == 0 || !str_eq(old, l->files.sources[i].text))
			rc = store_save_rules(store, path,
					      l->files.sources[i].text);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int load(struct loading *l, struct ruleset **out,
		struct rule_states *states, struct store_reader *reader,
		struct faults *faults)
{
	size_t n = compact(l->sources, l->origin, &l->files);
	bool again = n < l->files.count;
	struct faults quiet;
	int rc = 0;

	*out = ruleset_load(l->sources, n, faults, l->bad);
	if (!*out)
		return -ENOMEM;
	for (size_t i = 0; !rc && i < l->files.count; i++)
		if (!l->files.sources[i].text.p)
			rc = restore(l, i, reader, states);
	for (size_t k = 0; !rc && k < n; k++) {
		if (!l->bad[k])
			continue;
		rc = restore(l, l->origin[k], reader, states);
		again = true;
	}
	if (rc || !again)
		return rc;
	/* Faults were told already; last good copies had none. */
	ruleset_free(*out);
	faults_init(&quiet);
	n = compact(l->sources, l->origin, &l->files);
	*out = ruleset_load(l->sources, n, &quiet, l->bad);
	faults_fini(&quiet);
	return *out ? 0 : -ENOMEM;
}

int rules_load(struct ruleset **out, struct rule_states **states,
	       struct store *store, const struct conf *conf,
	       struct faults *faults)
{
	struct loading l = { 0 };
	struct store_reader *reader = NULL;
	struct ruleset *rules = NULL;
	struct rule_states *s = NULL;
	int rc = loading_init(&l, conf, faults);

	if (!rc)
		rc = store_reader_open(&reader, store, NULL);
	if (!rc) {
		s = states_new(&l.files);
		rc = s ? load(&l, &rules, s, reader, faults) : -ENOMEM;
	}
	if (!rc)
		rc = save(&l, store, reader, s);
	if (rc) {
		ruleset_free(rules);
		rule_states_free(s);
	} else {
		*out = rules;
		*states = s;
	}
	store_reader_close(reader);
	loading_fini(&l);
	return rc;
}
