/* The operations of one change, and which note tells of its event. */
#include "incident/step.h"

#include "incident/text.h"

/* A note names at most so many events; the next ones go into another. */
#define EVENTS_A_NOTE 200

struct op *note_op(struct step *st, enum op_kind kind, struct str body)
{
	struct op *op = &st->out->ops[st->out->op_count++];

	*op = (struct op){
		.incident = st->out->incident.id,
		.kind = kind,
		.state = OP_READY,
		.priority = st->out->incident.priority,
		.created_ms = st->now_ms,
		.not_before_ms = st->now_ms,
		.body = body,
	};
	return op;
}

/* An event is told by one operation only: its create, or a note. */
struct op *note_telling(struct step *st, enum op_kind kind, struct str body)
{
	struct op *op = note_op(st, kind, body);

	op->events = st->e->id;
	op->count = 1;
	return op;
}

static void mark_alarm(const struct step *st, struct op *op)
{
	if (st->fires)
		op->marker = STR("alarm");
}

/* A copy of the newest note of the lane, which replaces it. */
static struct op *take_tail(struct step *st)
{
	struct op *op = &st->out->ops[st->out->op_count];

	st->out->merged = (int)st->out->op_count++;
	*op = *st->s->tail_note;
	return op;
}

/* It takes this event in too. */
static struct op *merge_note(struct step *st, struct str body)
{
	struct op *op = take_tail(st);

	op->body = body;
	op->events = text_words(st->arena, op->events, st->e->id);
	op->count++;
	return op;
}

static void let_go(struct step *st, struct op *op)
{
	op->held = false;
	if (op->attempts == 0)
		op->not_before_ms = st->now_ms;
}

/*
 * Is there a note that waits, with room for a text of n bytes? One that is
 * full goes, budget or hold or not: held, it would stop its lane. What lists
 * many alarms is full before any of its lines would have to be cut.
 */
static bool can_merge(struct step *st, size_t n)
{
	const struct op *tail = st->s->tail_note;

	if (!tail || st->out->merged >= 0)
		return false;
	if (tail->count < EVENTS_A_NOTE &&
	    (!group_shared(&st->out->incident) ||
	     text_joins(tail->body, n)))
		return true;
	if (tail->held)
		let_go(st, take_tail(st));
	return false;
}

void note_now(struct step *st, struct str text)
{
	struct op *op;

	if (can_merge(st, text.n)) {
		op = merge_note(st, text_join(st->arena,
					      st->s->tail_note->body, text));
	} else {
		op = note_telling(st, OP_NOTE, text);
		st->out->incident.notes++;
	}
	op->held = false;
	if (op->not_before_ms > st->now_ms && op->attempts == 0)
		op->not_before_ms = st->now_ms;
	mark_alarm(st, op);
	st->out->incident_changed = true;
}

/* What the waiting note says with this event in it. */
static struct str counted(struct step *st, struct str text)
{
	const struct op *tail = st->s->tail_note;

	if (text.n)
		return text_join(st->arena, tail->body, text);
	if (text_is_repeat(tail->body))
		return text_repeat(st->arena, st->alarm, tail->count + 1);
	return text_join(st->arena, tail->body,
			 text_repeat(st->arena, st->alarm, 1));
}

void note_within_budget(struct step *st, struct str text)
{
	struct incident *i = &st->out->incident;
	struct op *op;

	if (can_merge(st, text.n)) {
		op = merge_note(st, counted(st, text));
		mark_alarm(st, op);
		/* It was a hold that made it wait, which is over. */
		if (op->not_before_ms == OP_NEVER_MS &&
		    i->notes <= i->notes_max)
			let_go(st, op);
		return;
	}
	op = note_telling(st, OP_NOTE, text.n ? text :
			  text_repeat(st->arena, st->alarm, 1));
	mark_alarm(st, op);
	if (i->notes >= i->notes_max) {
		op->held = true;
		op->not_before_ms = OP_NEVER_MS;	/* the budget is used up */
	} else if (st->now_ms < i->note_after_ms) {
		/* A clock that jumped back must not hold it for years. */
		if (i->note_after_ms > st->now_ms + i->notes_every_ms)
			i->note_after_ms = st->now_ms + i->notes_every_ms;
		op->held = true;
		op->not_before_ms = i->note_after_ms;
	}
	i->note_after_ms = (op->held ? i->note_after_ms : st->now_ms) +
			   i->notes_every_ms;
	i->notes++;
}

void note_held(struct step *st, struct str text)
{
	const struct op *tail = st->s->tail_note;
	struct op *op;

	st->out->incident_changed = true;
	/* One that goes already can't be counted on to wait. */
	if (tail && tail->held && can_merge(st, text.n)) {
		op = merge_note(st, counted(st, text));
	} else {
		op = note_telling(st, OP_NOTE, text.n ? text :
				  text_repeat(st->arena, st->alarm, 1));
		st->out->incident.notes++;
	}
	op->held = true;
	op->not_before_ms = OP_NEVER_MS;
	mark_alarm(st, op);
}

void note_state(struct step *st, const char *consequence)
{
	struct str text = text_change(st->arena, st->alarm, consequence);

	if (hold_begin(st))
		note_held(st, text);
	else if (group_shared(&st->out->incident) || tally_flaps(st))
		note_within_budget(st, text);
	else
		note_now(st, text);
}

void note_release(struct step *st, bool beyond)
{
	struct incident *i = &st->out->incident;
	const struct op *tail = st->s->tail_note;

	if (!tail || !tail->held || st->out->merged >= 0)
		return;
	if (!beyond && i->notes > i->notes_max)
		return;
	let_go(st, take_tail(st));
	i->note_after_ms = st->now_ms + i->notes_every_ms;
}
