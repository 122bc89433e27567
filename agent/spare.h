#ifndef AGENT_SPARE_H
#define AGENT_SPARE_H

/*
 * Give back what starting has used and running won't: freed memory, and the
 * pages of programs and libraries that were read to link them and to begin.
 * What is needed after all comes back from the page cache.
 */
void spare_start(void);

#endif
