/* What keys do. */
#include "agent/top/state.h"

#include "base/encode.h"

static void show_view(struct top *t, int v)
{
	t->view = (enum view)((v + VIEWS) % VIEWS);
	t->detail = false;
	state_renew(t, TOP_LIST, 0);
	rows_choose(t, t->view);
}

/* ---- one thing ---- */

static void forget_detail(struct top *t)
{
	json_free(t->detail_answer);
	json_free(t->explain);
	t->detail_answer = t->explain = NULL;
	t->detail_problem[0] = '\0';
	t->detail_first = 0;
	state_renew(t, TOP_DETAIL, INT64_MAX);
	state_renew(t, TOP_EXPLAIN, INT64_MAX);
}

/* What is held is shown by its event, notes by their incident. */
static enum view kind_of(const struct top *t, const struct json *row)
{
	if (t->view != VIEW_HELD)
		return t->view;
	return json_get(row, "event") ? VIEW_EVENTS : VIEW_INCIDENTS;
}

static void open_detail(struct top *t)
{
	const struct json *row = rows_chosen(t);
	struct buf id = BUF_INIT(4096);

	if (!row)
		return;
	forget_detail(t);
	rows_id(&id, t->view, row);
	utf8_keep(t->detail_id, sizeof(t->detail_id), buf_str(&id));
	buf_fini(&id);
	t->detail_of = kind_of(t, row);
	t->detail = true;
	if (t->detail_of == VIEW_INCIDENTS || t->detail_of == VIEW_EVENTS)
		state_renew(t, TOP_DETAIL, 0);
	if (t->detail_of == VIEW_EVENTS)
		state_renew(t, TOP_EXPLAIN, 0);
}

static void close_detail(struct top *t)
{
	t->detail = false;
	forget_detail(t);
}

static void scroll(struct top *t, long by)
{
	long most = t->detail_lines > t->page ?
		    (long)(t->detail_lines - t->page) : 0;
	long to = (long)t->detail_first + by;

	t->detail_first = to < 0 ? 0 : to > most ? (size_t)most : (size_t)to;
}

static void move(struct top *t, long by)
{
	if (t->detail)
		scroll(t, by);
	else
		rows_move(t, by);
}

/* ---- questions ---- */

static void begin_filter(struct top *t)
{
	const struct buf *now = &t->lists[t->view].filter;

	prompt_ask(&t->prompt, ACT_FILTER, now->p ? now->p : "");
	buf_printf(&t->prompt.question, "Show of %s what has: ",
		   view_names[t->view]);
}

static void filter(struct top *t)
{
	struct buf *to = &t->lists[t->view].filter;

	buf_reset(to);
	buf_put_str(to, utf8_cut(str_trim(buf_str(&t->prompt.text)),
				 FILTER_MAX));
	prompt_close(&t->prompt);
	state_renew(t, TOP_LIST, 0);
	rows_choose(t, t->view);
}

static void prompt_key(struct top *t, const struct key *k,
		       const struct top_now *now)
{
	struct prompt *p = &t->prompt;
	bool yes = k->code == KEY_TEXT && (k->text[0] == 'y' ||
					   k->text[0] == 'Y');

	if (k->code == KEY_ESCAPE ||
	    (k->code == KEY_CONTROL && k->text[0] == 'c')) {
		prompt_close(p);
	} else if (p->confirm) {
		if (yes && !t->pasting)
			act_answered(t, now);
		else if (k->code == KEY_TEXT && !t->pasting)
			prompt_close(p);
	} else if (k->code != KEY_ENTER) {
		prompt_edit(p, k);
	} else if (t->pasting) {	/* pasted, it sends nothing */
		prompt_edit(p, &(struct key){ KEY_TEXT, " " });
	} else if (p->act == ACT_FILTER) {
		filter(t);
	} else {
		act_answered(t, now);
	}
}

/* ---- letters ---- */

static void next_order(struct top *t)
{
	if (t->view != VIEW_INCIDENTS || t->detail)
		return;
	t->order = (enum order)((t->order + 1) % ORDERS);
	rows_choose(t, VIEW_INCIDENTS);
}

static void view_letter(struct top *t, char letter, const struct top_now *now)
{
	bool dead = t->view == VIEW_DEAD, silences = t->view == VIEW_SILENCES;

	switch (letter) {
	case 'n':
		act_begin(t, ACT_NOTE, now);
		break;
	case 'r':
		act_begin(t, dead ? ACT_RETRY : ACT_RESOLVE, now);
		break;
	case 's':
		act_begin(t, ACT_SILENCE, now);
		break;
	case 'e':
		if (silences)
			act_begin(t, ACT_EXTEND, now);
		break;
	case 'x':
		if (dead || silences)
			act_begin(t, dead ? ACT_DROP : ACT_EXPIRE, now);
		break;
	}
}

static void letter(struct top *t, char c, const struct top_now *now)
{
	switch (c) {
	case 'q':
		t->done = true;
		break;
	case '?':
		t->help = true;
		break;
	case 'j':
		move(t, 1);
		break;
	case 'k':
		move(t, -1);
		break;
	case 'g':
		move(t, -1000000);
		break;
	case 'G':
		move(t, 1000000);
		break;
	case 'o':
		next_order(t);
		break;
	case 'd':
		show_view(t, VIEW_DEAD);
		break;
	case '/':
		if (!t->detail)
			begin_filter(t);
		break;
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
		show_view(t, c - '1');
		break;
	default:
		view_letter(t, c, now);
	}
}

static void control(struct top *t, char c)
{
	if (c == 'c')
		t->done = true;
	else if (c == 'z')
		t->background = true;
}

static void escape(struct top *t)
{
	if (t->detail) {
		close_detail(t);
	} else if (t->lists[t->view].filter.n) {
		buf_reset(&t->lists[t->view].filter);
		state_renew(t, TOP_LIST, 0);
		rows_choose(t, t->view);
	}
}

static void command_key(struct top *t, const struct key *k,
			const struct top_now *now)
{
	switch (k->code) {
	case KEY_TEXT:
		letter(t, k->text[1] ? '\0' : k->text[0], now);
		break;
	case KEY_CONTROL:
		control(t, k->text[0]);
		break;
	case KEY_UP:
	case KEY_DOWN:
		move(t, k->code == KEY_UP ? -1 : 1);
		break;
	case KEY_PAGE_UP:
	case KEY_PAGE_DOWN:
		move(t, k->code == KEY_PAGE_UP ? -(long)t->page :
						 (long)t->page);
		break;
	case KEY_HOME:
	case KEY_END:
		move(t, k->code == KEY_HOME ? -1000000 : 1000000);
		break;
	case KEY_ENTER:
	case KEY_RIGHT:
		if (!t->detail)
			open_detail(t);
		break;
	case KEY_ESCAPE:
	case KEY_LEFT:
	case KEY_BACKSPACE:
		escape(t);
		break;
	case KEY_TAB:
	case KEY_BACK_TAB:
		show_view(t, (int)t->view + (k->code == KEY_TAB ? 1 : -1));
		break;
	default:
		break;
	}
}

void top_key(struct top *t, const struct key *k, const struct top_now *now)
{
	if (k->code == KEY_PASTE || k->code == KEY_PASTED)
		t->pasting = k->code == KEY_PASTE;
	else if (t->prompt.act != ACT_NONE)
		prompt_key(t, k, now);
	else if (t->pasting)
		return;
	else if (t->help)
		t->help = false;
	else
		command_key(t, k, now);
}
