#include "stackflow/timers.h"

#include <errno.h>

int sf_timers_init(struct sf_timers *t)
{
	t->first = NULL;
	t->made = pthread_mutex_init(&t->lock, NULL) == 0;
	return t->made ? 0 : -ENOMEM;
}

void sf_timers_fini(struct sf_timers *t)
{
	if (t->made)
		pthread_mutex_destroy(&t->lock);
	t->made = false;
}

/* Was it set? */
static bool take(struct sf_timers *t, struct sf_timer *timer)
{
	struct sf_timer **at = &t->first;

	while (*at && *at != timer)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = timer->next;
	timer->next = NULL;
	return true;
}

bool sf_timers_set(struct sf_timers *t, struct sf_timer *timer, int64_t at_ms)
{
	struct sf_timer **at = &t->first;
	bool soonest;

	pthread_mutex_lock(&t->lock);
	take(t, timer);
	timer->at_ms = at_ms;
	while (*at && (*at)->at_ms <= at_ms)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
	soonest = t->first == timer;
	pthread_mutex_unlock(&t->lock);
	return soonest;
}

bool sf_timers_clear(struct sf_timers *t, struct sf_timer *timer)
{
	bool was;

	pthread_mutex_lock(&t->lock);
	was = take(t, timer);
	pthread_mutex_unlock(&t->lock);
	return was;
}

int64_t sf_timers_run(struct sf_timers *t, int64_t mono_ms)
{
	int64_t wait = -1;

	pthread_mutex_lock(&t->lock);
	while (t->first && t->first->at_ms <= mono_ms) {
		struct sf_timer *due = t->first;

		t->first = due->next;
		due->next = NULL;
		pthread_mutex_unlock(&t->lock);
		due->fire(due->arg);
		pthread_mutex_lock(&t->lock);
	}
	if (t->first)
		wait = t->first->at_ms - mono_ms;
	pthread_mutex_unlock(&t->lock);
	return wait;
}
