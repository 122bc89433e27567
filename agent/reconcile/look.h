#ifndef AGENT_RECONCILE_LOOK_H
#define AGENT_RECONCILE_LOOK_H

struct reconcile;

/* Look-ups of tags, between everything else that the thread does. */
void look_serve(struct reconcile *r);	/* the account is known */
void look_turn(struct reconcile *r);	/* begin what waits */

#endif
