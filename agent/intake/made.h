#ifndef AGENT_INTAKE_MADE_H
#define AGENT_INTAKE_MADE_H

#include "agent/agent.h"
#include "alarm/alarm.h"

/*
 * Journal an alarm that tocsin made itself of what it was told or knows, as if
 * it had come. trust: JSON, why it is believed. Its public id goes to id. It
 * waits for the disk. 1: journaled; 0: the journal knew it; negative errno.
 */
int made_journal(struct agent *a, const struct alarm *alarm,
		 const struct alarm_input *in, struct str trust,
		 struct buf *id) MUST_CHECK;

#endif
