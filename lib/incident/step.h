#ifndef INCIDENT_STEP_H
#define INCIDENT_STEP_H

#include "incident/incident.h"

/*
 * One call of incident_apply(), as its parts hand it on. Each part ends with
 * step_decide() or leaves that to the one it calls.
 */
struct step {
	struct change *out;
	struct arena *arena;
	const struct situation *s;
	const struct handled_event *e;
	const struct alarm *alarm;	/* NULL: its bytes are gone */
	const struct verdict *verdict;
	struct str marker;
	int64_t now_ms;
	bool parent;		/* what it opens is its team's parent */
	bool fires;		/* its notes are news of an ALARM */
};

/* apply.c */
int incident_apply_parent(struct change *out, struct arena *arena,
			  const struct situation *s,
			  const struct handled_event *e,
			  const struct verdict *verdict, struct str marker,
			  int64_t now_ms);
void step_decide(struct step *st, enum action action, const char *because);
/* Words of the arena, for step_decide(). */
const char *step_words(struct step *st, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Takes alarms, or would once an operator has had its create tried again. */
bool step_live(const struct incident *i);

/* note.c */
struct op *note_op(struct step *st, enum op_kind kind, struct str body);
struct op *note_telling(struct step *st, enum op_kind kind, struct str body);
/* Owed at once: a change of state or severity. */
void note_now(struct step *st, struct str text);
/* Within the budget; repeats (text none) are told by their count. */
void note_within_budget(struct step *st, struct str text);
/* Counted until the hold's end. */
void note_held(struct step *st, struct str text);
/* A state besides the alarm's own course: at once, counted or held. */
void note_state(struct step *st, const char *consequence);
/* Let a note go that stops its lane; even one beyond the budget. */
void note_release(struct step *st, bool beyond);

/* open.c */
void open_firing(struct step *st);
/* A repeat of an older moment. */
void open_repeat(struct step *st);
void open_join(struct step *st);

/* clear.c */
void clear_alarm(struct step *st, const char *because);
void clear_incident(struct step *st, const char *because);

/* wait.c: open at once, or wait for what has to come before. */
void wait_or_open(struct step *st,
		  void (*open)(struct step *st, const char *because),
		  const char *because);
/* The wait, if there is one, has ended; the event that waited is settled so. */
void wait_end(struct step *st, enum action action, const char *settled);
void wait_due(struct step *st);
/* CloudWatch itself suppresses or mutes it. */
void wait_outside(struct step *st);

/* hold.c */
const char *hold_words(struct step *st, const char *what);
int64_t hold_until(const struct step *st);
/* Is the open incident's say held? */
bool hold_begin(struct step *st);

/* tally.c */
enum tally_kind { TALLY_ALARM = 1, TALLY_FLIP = 2 };
void tally_add(struct step *st, unsigned kinds);
bool tally_enough(struct step *st, unsigned *count);	/* open_when */
bool tally_flaps(struct step *st);

/* group.c */
bool group_over(const struct step *st);
/* Many alarms share it: what one of them says is told within the budget. */
bool group_shared(const struct incident *i);
/* The verdict by which an alarm joins its team's parent incident. */
void group_parent(struct verdict *out, const struct verdict *v,
		  const struct alarm *a, struct arena *arena);

/* escalate.c */
void escalate_start(struct step *st, bool reopened);
void escalate_fire(struct step *st);

/* timer.c */
void timer_due(struct step *st);
/* The earliest of an incident's timers. */
void timer_set(struct incident *i);

#endif
