#include "aws/hosts.h"

enum {
	FIRST_MS = 2000,
	LONGEST_MS = 8000,
	EACH_MS = 500,	/* a host: two a second, 8 at once */
	AT_ONCE = 8,
	ALL_EACH_MS = 125,
	ALL_AT_ONCE = 64,
};

static struct cert_host *find(struct cert_hosts *h, uint64_t hash)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->host[i].hash == hash)
			return &h->host[i];
	return NULL;
}

/* A place for a host not known: the one that was asked longest ago goes. */
static struct cert_host *add(struct cert_hosts *h, uint64_t hash)
{
	struct cert_host *p = &h->host[0];

	if (h->count < CERT_HOSTS)
		p = &h->host[h->count++];
	else
		for (size_t i = 1; i < CERT_HOSTS; i++)
			if (h->host[i].used_ms < p->used_ms)
				p = &h->host[i];
	*p = (struct cert_host){ .hash = hash };
	return p;
}

static bool has_room(int64_t spent_ms, int64_t each_ms, int64_t at_once,
		     int64_t mono_ms)
{
	return spent_ms - mono_ms <= (at_once - 1) * each_ms;
}

static void spend(int64_t *spent_ms, int64_t each_ms, int64_t mono_ms)
{
	if (*spent_ms < mono_ms)
		*spent_ms = mono_ms;
	*spent_ms += each_ms;
}

bool cert_host_ask(struct cert_hosts *h, uint64_t hash, size_t under_way,
		   int64_t mono_ms)
{
	struct cert_host *p = find(h, hash);

	if (!has_room(h->spent_ms, ALL_EACH_MS, ALL_AT_ONCE, mono_ms))
		return false;
	if (p && p->failures && (under_way || mono_ms < p->after_ms))
		return false;
	if (p && !has_room(p->spent_ms, EACH_MS, AT_ONCE, mono_ms))
		return false;
	if (!p)
		p = add(h, hash);
	p->used_ms = mono_ms;
	spend(&p->spent_ms, EACH_MS, mono_ms);
	spend(&h->spent_ms, ALL_EACH_MS, mono_ms);
	return true;
}

void cert_host_ended(struct cert_hosts *h, uint64_t hash,
		     enum cert_host_end end, int64_t mono_ms)
{
	struct cert_host *p = find(h, hash);
	int64_t wait = FIRST_MS;

	if (end == CERT_HOST_GAVE)
		h->spent_ms -= ALL_EACH_MS;
	if (!p)
		return;
	if (end != CERT_HOST_FAILED) {
		p->failures = 0;
		if (end == CERT_HOST_GAVE)
			p->spent_ms -= EACH_MS;
		return;
	}
	/* Those that went together failed together: once. */
	if (p->failures && mono_ms < p->after_ms)
		return;
	for (unsigned i = 0; i < p->failures && wait < LONGEST_MS; i++)
		wait *= 2;
	p->after_ms = mono_ms + wait;
	p->failures++;
}
