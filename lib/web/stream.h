#ifndef WEB_STREAM_H
#define WEB_STREAM_H

#include <stdbool.h>

struct conn;
struct loop;

/* Answers that go on, as their loop's thread sees them; see web.h. */

/* What was sent, begun and ended since the last time. */
void streams_read(struct loop *l);
/* Write what there is. */
bool stream_step(struct conn *c);
/* Its connection closes: who sends is told. Without a stream: nothing. */
void stream_leave(struct conn *c);

#endif
