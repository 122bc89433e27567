#ifndef AGENT_SERVICE_H
#define AGENT_SERVICE_H

#include <signal.h>

#include "agent/agent.h"

/*
 * What the service manager is told, and what it asks by signals. Without one
 * all of this is silent, but for the log line of a thread that stands still.
 */

/* One line for people; any text. */
void service_status(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* The configuration can't be used, or what it names: mend it, then start. */
void service_unusable(const char *why);
void service_stopping(void);

/*
 * Ready until a signal or the store ends it; the exit status. The watchdog is
 * told to go on waiting only while no thread that alarms pass through has been
 * at one thing for longer than WatchdogSec=, so that a thread that hangs ends
 * the process within twice that.
 */
int service_run(struct agent *a, const sigset_t *signals);

#endif
