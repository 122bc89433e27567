#include "alarm/recognise.h"

#include <errno.h>
#include <stddef.h>

struct alarm_late {
	struct json *json;	/* NULL: nobody asked yet */
};

/* All that may stand in the parsed message. */
#define AT(field) offsetof(struct alarm, field)
static const size_t texts[] = {
	AT(state_text), AT(account), AT(region), AT(name), AT(arn),
	AT(contributor), AT(namespace), AT(metric), AT(description),
	AT(reason), AT(severity), AT(ci_id), AT(resource_arn),
	AT(suppressed_by), AT(suppressed_reason), AT(event_id), AT(title),
	AT(url), AT(key),
};

static void own_pairs(struct arena *arena, const struct alarm_pair **list,
		      size_t count)
{
	struct alarm_pair *own = arena_array(arena, count, sizeof(*own));

	for (size_t i = 0; own && i < count; i++)
		own[i] = (struct alarm_pair){
			arena_str(arena, (*list)[i].name),
			arena_str(arena, (*list)[i].value),
		};
	*list = own;
}

int alarms_lighten(struct alarms *all)
{
	struct alarm *a = all->list;
	struct alarm_late *late;

	if (all->count != 1 || all->inner_count || !all->json ||
	    a->payload != all->json)
		return 0;
	late = arena_alloc(all->arena, sizeof(*late));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct str *s = (struct str *)((char *)a + texts[i]);

		*s = arena_str(all->arena, *s);
	}
	own_pairs(all->arena, &a->dims, a->dim_count);
	own_pairs(all->arena, &a->tags, a->tag_count);
	if (arena_error(all->arena))
		return -ENOMEM;
	json_free(all->json);
	all->json = NULL;
	a->payload = NULL;
	a->late = all->late = late;
	return 0;
}

int alarm_payload(const struct json **out, const struct alarm *a)
{
	int rc = 0;

	*out = a->payload;
	if (!a->late)
		return 0;
	if (!a->late->json)
		rc = json_parse(&a->late->json, a->raw, 0, NULL);
	*out = a->late->json;
	return rc;
}

void alarm_late_free(struct alarm_late *late)
{
	if (late)
		json_free(late->json);
}
