#include "agent/rules.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/ruletest/atload.h"
#include "base/clock.h"

/* Of one rule set; a larger one isn't kept for later days. */
#define SOURCES_MAX (64 << 20)

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
	out[n] = (struct rule_source){ .name = NULL };
	return n;
}

struct loading {
	struct rule_file_list files;
	struct rule_source *sources;
	size_t *origin;
	bool *bad;
	struct str *fresh;	/* what was read, where a copy stands for it */
	struct faults *quiet;	/* of what was told already */
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
	l->fresh = calloc(l->files.count + 1, sizeof(*l->fresh));
	l->quiet = calloc(1, sizeof(*l->quiet));
	l->arena = arena_new(256 << 20);
	return l->sources && l->origin && l->bad && l->fresh && l->quiet &&
			       l->arena
		       ? 0
		       : -ENOMEM;
}

static void loading_fini(struct loading *l)
{
	for (size_t i = 0; l->fresh && i < l->files.count; i++)
		free((char *)(uintptr_t)l->fresh[i].p);
	free(l->fresh);
	if (l->quiet)
		faults_fini(l->quiet);
	free(l->quiet);
	rule_files_free(&l->files);
	free(l->sources);
	free(l->origin);
	free(l->bad);
	arena_free(l->arena);
}

/* Tries of a file beside the others' copies; each loads everything anew. */
#define TRIES_MAX 16

static void free_text(struct str *text)
{
	free((char *)(uintptr_t)text->p);
	*text = STR_NONE;
}

/*
 * Put the last good copy in a bad file's place, and what was there aside. A
 * file that is still as it was good needs none: the fault is another's.
 */
static int restore(struct loading *l, size_t i, struct store_reader *reader,
		   struct rule_states *states)
{
	struct str *mine = &l->files.sources[i].text, text = STR_NONE;
	char *copy = NULL;
	int rc = store_saved_rules(&text, reader, str_from(l->files.paths[i]),
				   l->arena);

	if (rc < 0)
		return rc;
	if (rc > 0 && mine->p && str_eq(*mine, text))
		return 0;
	if (rc > 0) {
		copy = malloc(text.n + 1);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, text.p, text.n);
		copy[text.n] = '\0';
	}
	free_text(&l->fresh[i]);
	l->fresh[i] = *mine;
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

/* The set of what the list now holds. How many files of it are bad. */
static int build(struct loading *l, struct ruleset **out, size_t *bad,
		 struct faults *faults)
{
	size_t n = compact(l->sources, l->origin, &l->files);

	ruleset_free(*out);
	*out = ruleset_load(l->sources, n, faults, l->bad);
	if (!*out)
		return -ENOMEM;
	*bad = 0;
	for (size_t k = 0; k < n; k++)
		*bad += l->bad[k];
	return 0;
}

static void tell_kept(const struct loading *l, size_t i, bool dropped,
		      struct faults *faults)
{
	fault_add(faults, FAULT_ERROR, "last-good", l->files.paths[i], 0, 0,
		  "it can't be used beside the last good copy of another file: "
		  "%s",
		  dropped ? "what it claims goes to the catch-all"
			  : "its own last good copy stays at work");
}

/*
 * Bad in the mix of new files and last good copies: the older good one stays,
 * so the new one gives way to its own copy. Of two copies the later drops out.
 */
static int give_way(struct loading *l, struct store_reader *reader,
		    struct rule_states *states, struct faults *faults)
{
	size_t last = SIZE_MAX, gave = 0;
	int rc = 0;

	for (size_t k = 0; !rc && l->sources[k].name; k++) {
		size_t i = l->origin[k];

		if (!l->bad[k])
			continue;
		last = i;
		if (states->list[i].stale)
			continue;
		rc = restore(l, i, reader, states);
		if (states->list[i].stale || states->list[i].missing) {
			tell_kept(l, i, states->list[i].missing, faults);
			gave++;
		}
	}
	if (rc || gave || last == SIZE_MAX)
		return rc;
	free_text(&l->files.sources[last].text);
	states->list[last].stale = false;
	states->list[last].missing = true;
	tell_kept(l, last, true, faults);
	return 0;
}

/* Until no file of the mix is bad: each round one more gives way. */
static int rebuild(struct loading *l, struct ruleset **out,
		   struct store_reader *reader, struct rule_states *states,
		   struct faults *faults)
{
	size_t bad = 0;
	int rc = build(l, out, &bad, l->quiet);

	while (!rc && bad) {
		rc = give_way(l, reader, states, faults);
		if (!rc)
			rc = build(l, out, &bad, l->quiet);
	}
	return rc;
}

static void swap_texts(struct loading *l, size_t i)
{
	struct str mine = l->files.sources[i].text;

	l->files.sources[i].text = l->fresh[i];
	l->fresh[i] = mine;
}

/*
 * A file that was bad only for another's sake is good beside that one's last
 * good copy: nobody's change waits for another team's mistake.
 */
static int bring_back(struct loading *l, struct ruleset **out,
		      struct rule_states *states)
{
	struct ruleset *trial = NULL;
	unsigned tries = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < l->files.count; i++) {
		size_t bad = 0;

		if (!states->list[i].stale || !l->fresh[i].p ||
		    tries++ == TRIES_MAX)
			continue;
		swap_texts(l, i);
		rc = build(l, &trial, &bad, l->quiet);
		if (rc || bad) {
			swap_texts(l, i);
			continue;
		}
		states->list[i].stale = false;
		ruleset_free(*out);
		*out = trial;
		trial = NULL;
	}
	ruleset_free(trial);
	return rc;
}

static int load(struct loading *l, struct ruleset **out,
		struct rule_states *states, struct store_reader *reader,
		struct faults *faults)
{
	size_t bad = 0, n = compact(l->sources, l->origin, &l->files);
	bool again = n < l->files.count;
	int rc = build(l, out, &bad, faults);

	for (size_t i = 0; !rc && i < l->files.count; i++)
		if (!l->files.sources[i].text.p)
			rc = restore(l, i, reader, states);
	for (size_t k = 0; !rc && bad && k < n; k++)
		if (l->bad[k])
			rc = restore(l, l->origin[k], reader, states);
	if (rc || (!again && !bad))
		return rc;
	rc = rebuild(l, out, reader, states, faults);
	return rc ? rc : bring_back(l, out, states);
}

/* A file whose own tests fail isn't used either. */
static int test(struct loading *l, struct ruleset **out,
		struct rule_states *states, struct store_reader *reader,
		struct faults *faults)
{
	bool *failed = calloc(2 * l->files.count + 1, sizeof(*failed));
	bool *skip = failed ? failed + l->files.count : NULL, again = false;
	int rc = -ENOMEM;

	for (size_t i = 0; failed && i < l->files.count; i++)
		skip[i] = states->list[i].stale || states->list[i].missing;
	if (failed)
		rc = rules_run_tests(failed, skip, &l->files, *out,
				     RULES_TESTS_MS, faults);
	for (size_t i = 0; !rc && i < l->files.count; i++) {
		if (!failed[i])
			continue;
		rc = restore(l, i, reader, states);
		/* Its tests alone may have changed. */
		states->list[i].stale = !states->list[i].missing;
		again = true;
	}
	free(failed);
	return rc || !again ? rc : rebuild(l, out, reader, states, faults);
}

/* What decides from now on, so that it can explain itself another day. */
static int keep(struct store *store, const struct ruleset *rules)
{
	struct buf sources = BUF_INIT(SOURCES_MAX);
	int rc;

	ruleset_put_sources(&sources, rules);
	rc = buf_error(&sources);
	if (!rc)
		rc = store_keep_ruleset(store, str_from(ruleset_hash(rules)),
					buf_str(&sources), clock_wall_ms());
	buf_fini(&sources);
	return rc == -E2BIG ? 0 : rc;
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
		rc = test(&l, &rules, s, reader, faults);
	if (!rc)
		rc = save(&l, store, reader, s);
	if (!rc)
		rc = keep(store, rules);
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
