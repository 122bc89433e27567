#include "agent/conf.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/conf_private.h"

#define FILE_MAX (1 << 20)
#define TREE_MAX (64 << 20) /* bytes of the YAML tree */
#define DEPTH_MAX 40	    /* more than yaml_read() lets through */

struct snapshot {
	struct conf conf; /* first */
	atomic_uint refs;
	struct conf_chunk *chunks;
};

static const char *const default_rules[] = { "/etc/tocsin/rules.d", NULL };

const char *conf_path(const char *given)
{
	const char *env = getenv("TOCSIN_CONFIG");

	if (given)
		return given;
	return env && *env ? env : CONF_DEFAULT_PATH;
}

bool conf_named(const char *given)
{
	const char *env = getenv("TOCSIN_CONFIG");

	return given || (env && *env);
}

struct conf *conf_ref(struct conf *c)
{
	struct snapshot *s = (struct snapshot *)c;

	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return c;
}

void conf_free(struct conf *c)
{
	struct snapshot *s = (struct snapshot *)c;

	if (!s ||
	    atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1)
		return;
	conf_chunks_free(s->chunks);
	free(s);
}

/* The file's absolute folder, so that a later chdir changes nothing. */
static char *folder_of(struct conf_walk *w, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct str folder = { path, slash ? (size_t)(slash - path) : 0 };
	char here[PATH_MAX];

	w->folder = "/";
	if (path[0] != '/') {
		if (!getcwd(here, sizeof(here)))
			return NULL;
		w->folder = here;
	}
	if (path[0] == '/' && folder.n == 0)
		folder = STR("/");
	return folder.n ? conf_keep_path(w, folder)
			: conf_keep(w, str_from(w->folder));
}

/* Literal secrets went through the tree too. */
static void wipe_tree(struct yaml *root)
{
	struct yaml *stack[DEPTH_MAX], *v;
	int n = 0;

	stack[n++] = root;
	while (n > 0) {
		v = stack[n - 1];
		if (!v) {
			n--;
			continue;
		}
		stack[n - 1] = v->next;
		if (v->text.n)
			explicit_bzero((char *)(uintptr_t)v->text.p, v->text.n);
		if (v->child)
			stack[n++] = v->child;
	}
}

static void fill_conf(struct conf_walk *w, struct conf *c,
		      const struct yaml *root)
{
	const struct yaml *rules = yaml_get(root, "rules");

	conf_set_defaults(conf_keys, c);
	c->rules_given = rules && rules->type != YAML_NULL;
	if (!c->rules_given)
		c->rules = default_rules;
	if (root->type != YAML_NULL)
		conf_walk_map(w, conf_keys, root, c);
	if (root->type != YAML_NULL && root->type != YAML_MAP)
		return;
	conf_fill_stackflow(w, root, c);
	conf_check_sense(w, root, c);
}

/* Into c; the faults say what is wrong. 0 or -ENOMEM. */
static int read_conf(struct conf_walk *w, struct conf *c, struct str text)
{
	struct arena *arena = arena_new(TREE_MAX);
	struct yaml *root;

	if (!arena)
		return -ENOMEM;
	root = yaml_read_on(arena, text, w->file, w->faults);
	if (root) {
		c->path = conf_keep(w, str_from(w->file));
		c->folder = folder_of(w, w->file);
		w->folder = c->folder;
		w->no_memory |= !c->path || !c->folder;
		if (!w->no_memory)
			fill_conf(w, c, root);
		wipe_tree(root);
	}
	arena_free(arena);
	return w->no_memory ? -ENOMEM : 0;
}

static int read_text(struct buf *text, const struct conf_walk *w)
{
	struct err err;
	unsigned mode = 0;
	int rc = conf_read_file(text, w->file, FILE_MAX, &mode, &err);

	if (rc)
		fault_add(w->faults, FAULT_ERROR, "unreadable", w->file, 0, 0,
			  "%s", err.text);
	else if (mode & S_IROTH)
		fault_add(w->faults, FAULT_WARNING, "world-readable", w->file,
			  0, 0,
			  "everybody may read this configuration "
			  "(chmod o-r)");
	return rc == 0 || rc == -ENOENT || rc == -ENOMEM ? rc : -EINVAL;
}

static int load(struct conf **out, const char *path, struct faults *faults,
		bool look)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	struct conf_walk w = { .faults = faults,
			       .look = look,
			       .file = conf_path(path) };
	struct buf text = BUF_INIT(FILE_MAX + 1);
	size_t errors = faults->errors;
	int rc;

	if (!s)
		return -ENOMEM;
	atomic_init(&s->refs, 1);
	w.chunks = &s->chunks;
	rc = read_text(&text, &w);
	if (rc == 0)
		rc = read_conf(&w, &s->conf, buf_str(&text));
	if (rc == 0 && faults->errors > errors)
		rc = -EINVAL;
	buf_wipe(&text);
	if (rc)
		conf_free(&s->conf);
	else
		*out = &s->conf;
	return rc;
}

int conf_load(struct conf **out, const char *path, struct faults *faults)
{
	return load(out, path, faults, false);
}

int conf_look(struct conf **out, const char *path, struct faults *faults)
{
	return load(out, path, faults, true);
}

struct rest_options conf_network(const struct conf *c)
{
	return (struct rest_options){
		.user_agent = "tocsin/" TOCSIN_VERSION,
		.ca_file = c->network.ca_file,
		.proxy = c->network.proxy,
		.connect_to = c->network.connect_to,
	};
}
