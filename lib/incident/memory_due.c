/* What is due when, in a heap whose entries may have been overtaken. */
#include "incident/memory_private.h"

static bool before(const struct due *a, const struct due *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms :
				      a->order < b->order;
}

static void swap(struct due *a, struct due *b)
{
	struct due x = *a;

	*a = *b;
	*b = x;
}

int memory_schedule(struct memory *m, enum due_kind kind, size_t index,
		    int64_t at_ms)
{
	size_t n = m->heap_count;

	if (!at_ms || at_ms >= OP_NEVER_MS)
		return 0;
	if (memory_grow(&m->heap, &m->heap_cap, n, sizeof(*m->heap)))
		return -1;
	m->heap[n] = (struct due){ at_ms, m->order++, kind, index };
	m->heap_count++;
	for (; n && before(&m->heap[n], &m->heap[(n - 1) / 2]);
	     n = (n - 1) / 2)
		swap(&m->heap[n], &m->heap[(n - 1) / 2]);
	return 0;
}

void memory_due_drop(struct memory *m)
{
	size_t n = 0, child;

	m->heap[0] = m->heap[--m->heap_count];
	while ((child = 2 * n + 1) < m->heap_count) {
		if (child + 1 < m->heap_count &&
		    before(&m->heap[child + 1], &m->heap[child]))
			child++;
		if (!before(&m->heap[child], &m->heap[n]))
			break;
		swap(&m->heap[child], &m->heap[n]);
		n = child;
	}
}

static int64_t now_due(const struct memory *m, const struct due *d)
{
	const struct kept_incident *k;

	switch (d->kind) {
	case DUE_NOTE:
		k = m->incidents[d->index];
		return k->waiting ? k->note.not_before_ms : 0;
	case DUE_INCIDENT:
		return m->incidents[d->index]->i.due_ms;
	case DUE_MEMBER:
		break;
	}
	return m->members[d->index]->m.due_ms;
}

bool memory_due(struct due *out, struct memory *m)
{
	while (m->heap_count && now_due(m, &m->heap[0]) != m->heap[0].at_ms)
		memory_due_drop(m);
	if (!m->heap_count)
		return false;
	*out = m->heap[0];
	return true;
}

int64_t memory_next(const struct memory *m)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < m->heap_count; i++)
		if (m->heap[i].at_ms < next &&
		    now_due(m, &m->heap[i]) == m->heap[i].at_ms)
			next = m->heap[i].at_ms;
	return next;
}
