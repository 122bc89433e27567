#include "agent/top/prompt.h"

#define TEXT_MAX 4000		/* bytes, as the admin API takes them */
#define SHORT_MAX 16384

void prompt_init(struct prompt *p)
{
	*p = (struct prompt){ .act = ACT_NONE };
	buf_init(&p->question, SHORT_MAX);
	buf_init(&p->text, TEXT_MAX);
	buf_init(&p->target, SHORT_MAX);
	buf_init(&p->label, SHORT_MAX);
	buf_init(&p->first, TEXT_MAX);
}

void prompt_fini(struct prompt *p)
{
	buf_fini(&p->question);
	buf_fini(&p->text);
	buf_fini(&p->target);
	buf_fini(&p->label);
	buf_fini(&p->first);
}

void prompt_ask(struct prompt *p, enum act act, const char *text)
{
	p->act = act;
	p->confirm = false;
	buf_reset(&p->question);
	buf_reset(&p->text);
	buf_puts(&p->text, text);
	p->cursor = p->text.n;
}

void prompt_close(struct prompt *p)
{
	p->act = ACT_NONE;
	p->confirm = false;
	buf_reset(&p->text);
	buf_reset(&p->first);
	p->cursor = 0;
}

/* ---- the line ---- */

static bool inside(const struct prompt *p, size_t at)
{
	return at < p->text.n && ((unsigned char)p->text.p[at] & 0xc0) == 0x80;
}

static size_t before(const struct prompt *p, size_t at)
{
	if (at)
		at--;
	while (at && inside(p, at))
		at--;
	return at;
}

static size_t behind(const struct prompt *p, size_t at)
{
	if (at < p->text.n)
		at++;
	while (inside(p, at))
		at++;
	return at;
}

static size_t word_before(const struct prompt *p, size_t at)
{
	while (at && p->text.p[at - 1] == ' ')
		at--;
	while (at && p->text.p[at - 1] != ' ')
		at--;
	return at;
}

static void cut(struct prompt *p, size_t from, size_t to)
{
	if (from >= to)
		return;
	memmove(p->text.p + from, p->text.p + to, p->text.n - to);
	buf_truncate(&p->text, p->text.n - (to - from));
	p->cursor = from;
}

static void insert(struct prompt *p, struct str s)
{
	size_t behind_it = p->text.n - p->cursor;

	if (p->text.n + s.n > TEXT_MAX || !buf_room(&p->text, s.n)) {
		p->text.error = 0;
		return;
	}
	buf_added(&p->text, s.n);
	memmove(p->text.p + p->cursor + s.n, p->text.p + p->cursor, behind_it);
	memcpy(p->text.p + p->cursor, s.p, s.n);
	p->cursor += s.n;
}

static void control(struct prompt *p, char letter)
{
	switch (letter) {
	case 'a':
		p->cursor = 0;
		break;
	case 'e':
		p->cursor = p->text.n;
		break;
	case 'u':
		cut(p, 0, p->cursor);
		break;
	case 'k':
		buf_truncate(&p->text, p->cursor);
		break;
	case 'w':
		cut(p, word_before(p, p->cursor), p->cursor);
		break;
	}
}

void prompt_edit(struct prompt *p, const struct key *k)
{
	switch (k->code) {
	case KEY_TEXT:
		insert(p, str_from(k->text));
		break;
	case KEY_LEFT:
		p->cursor = before(p, p->cursor);
		break;
	case KEY_RIGHT:
		p->cursor = behind(p, p->cursor);
		break;
	case KEY_HOME:
		p->cursor = 0;
		break;
	case KEY_END:
		p->cursor = p->text.n;
		break;
	case KEY_BACKSPACE:
		cut(p, before(p, p->cursor), p->cursor);
		break;
	case KEY_DELETE:
		cut(p, p->cursor, behind(p, p->cursor));
		break;
	case KEY_CONTROL:
		control(p, k->text[0]);
		break;
	default:
		break;
	}
}
