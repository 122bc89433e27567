#include "agent/sandbox/counts.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/map.h"
#include "doc/jsonw.h"

#define WINDOW 65536
#define NAMES 512 /* different paths at most */

struct box_counts {
	pthread_mutex_t lock;
	struct map *by; /* "POST /incidents" -> uint64_t */
	struct box_window window;
	uint64_t total, status[600];
	unsigned active, peak_active;
};

int box_window_init(struct box_window *w, size_t size)
{
	*w = (struct box_window){ .size = size, .span_us = 1000000 };
	w->at_us = calloc(size, sizeof(*w->at_us));
	return w->at_us ? 0 : -ENOMEM;
}

void box_window_fini(struct box_window *w)
{
	free(w->at_us);
	w->at_us = NULL;
}

size_t box_window_now(struct box_window *w, int64_t now_us)
{
	while (w->n && w->at_us[w->first] <= now_us - w->span_us) {
		w->first = (w->first + 1) % w->size;
		w->n--;
	}
	return w->n;
}

void box_window_add(struct box_window *w, int64_t now_us)
{
	if (box_window_now(w, now_us) == w->size)
		return;
	w->at_us[(w->first + w->n++) % w->size] = now_us;
	if (w->n > w->peak)
		w->peak = w->n;
}

struct box_counts *box_counts_new(void)
{
	struct box_counts *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	c->by = map_new();
	if (!c->by || box_window_init(&c->window, WINDOW)) {
		box_counts_free(c);
		return NULL;
	}
	return c;
}

static void forget(struct box_counts *c)
{
	size_t at = 0;
	struct str key;
	void *count;

	while (c->by && map_next(c->by, &at, &key, &count))
		free(count);
	map_free(c->by);
}

void box_counts_free(struct box_counts *c)
{
	if (!c)
		return;
	forget(c);
	box_window_fini(&c->window);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void box_counts_reset(struct box_counts *c)
{
	pthread_mutex_lock(&c->lock);
	forget(c);
	c->by = map_new();
	c->total = 0;
	memset(c->status, 0, sizeof(c->status));
	c->window.n = c->window.peak = 0;
	c->peak_active = c->active;
	pthread_mutex_unlock(&c->lock);
}

/* "/incidents/INC0000001/notes" is counted as "/incidents/{id}/notes". */
static void put_name(struct buf *out, struct str method, struct str path)
{
	struct str part;

	buf_printf(out, "%.*s ", STR_ARG(utf8_cut(method, 16)));
	path = utf8_cut(path, 128);
	str_cut(&path, '/', &part);
	while (str_cut(&path, '/', &part)) {
		bool id = str_starts(part, "INC") || str_starts(part, "CHG") ||
			  str_starts(part, "JOB") || str_starts(part, "KB0");

		buf_printf(out, "/%.*s", STR_ARG(id ? STR("{id}") : part));
	}
}

void box_counts_begin(struct box_counts *c, struct str method, struct str path,
		      int64_t now_us)
{
	struct buf name = BUF_INIT(512);
	uint64_t *count;

	put_name(&name, method, path);
	pthread_mutex_lock(&c->lock);
	c->total++;
	if (++c->active > c->peak_active)
		c->peak_active = c->active;
	box_window_add(&c->window, now_us);
	count = c->by ? map_get(c->by, buf_str(&name)) : NULL;
	if (!count && c->by && map_count(c->by) < NAMES) {
		count = calloc(1, sizeof(*count));
		if (count && map_set(c->by, buf_str(&name), count)) {
			free(count);
			count = NULL;
		}
	}
	if (count)
		++*count;
	pthread_mutex_unlock(&c->lock);
	buf_fini(&name);
}

void box_counts_end(struct box_counts *c, int status)
{
	pthread_mutex_lock(&c->lock);
	c->active--;
	if (status >= 0 && status < 600)
		c->status[status]++;
	pthread_mutex_unlock(&c->lock);
}

void box_counts_put(struct jsonw *w, struct box_counts *c)
{
	size_t at = 0;
	struct str key;
	void *count;
	char name[8];

	pthread_mutex_lock(&c->lock);
	jsonw_kint(w, "requests", (int64_t)c->total);
	jsonw_key(w, "requests_by");
	jsonw_object(w);
	while (c->by && map_next(c->by, &at, &key, &count)) {
		jsonw_key_str(w, key);
		jsonw_int(w, (int64_t) * (uint64_t *)count);
	}
	jsonw_end_object(w);
	jsonw_key(w, "answers_by");
	jsonw_object(w);
	for (int i = 0; i < 600; i++)
		if (c->status[i]) {
			snprintf(name, sizeof(name), "%d", i);
			jsonw_kint(w, name, (int64_t)c->status[i]);
		}
	jsonw_end_object(w);
	jsonw_kint(w, "peak_per_second", (int64_t)c->window.peak);
	jsonw_kint(w, "peak_concurrent", c->peak_active);
	pthread_mutex_unlock(&c->lock);
}
