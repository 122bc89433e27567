#ifndef AGENT_TOP_KEY_H
#define AGENT_TOP_KEY_H

#include "base/str.h"

/* What a terminal sends, as keys. */
enum key_code {
	KEY_NONE,		/* something that means nothing here */
	KEY_TEXT,		/* one character, in text */
	KEY_UP, KEY_DOWN, KEY_LEFT, KEY_RIGHT,
	KEY_HOME, KEY_END, KEY_PAGE_UP, KEY_PAGE_DOWN,
	KEY_ENTER, KEY_ESCAPE, KEY_TAB, KEY_BACK_TAB,
	KEY_BACKSPACE, KEY_DELETE,
	KEY_CONTROL,		/* with a letter, in text[0], as 'c' */
	KEY_PASTE, KEY_PASTED,	/* what stands between them wasn't typed */
};

struct key {
	enum key_code code;
	char text[5];
};

/*
 * The key at the front of bytes, and how many it took; 0: more must come.
 * alone: nothing more comes soon, so that an escape is the key of that name.
 */
size_t key_take(struct key *out, struct str bytes, bool alone);

#endif
