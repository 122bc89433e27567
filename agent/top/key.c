#include "agent/top/key.h"

#include "base/encode.h"

#define SEQUENCE_MAX 32	/* longer ones aren't any terminal's */

static const struct {
	const char *sequence;	/* behind ESC */
	enum key_code code;
} sequences[] = {
	{ "[A", KEY_UP },	  { "OA", KEY_UP },
	{ "[B", KEY_DOWN },	  { "OB", KEY_DOWN },
	{ "[C", KEY_RIGHT },	  { "OC", KEY_RIGHT },
	{ "[D", KEY_LEFT },	  { "OD", KEY_LEFT },
	{ "[H", KEY_HOME },	  { "OH", KEY_HOME },
	{ "[1~", KEY_HOME },	  { "[7~", KEY_HOME },
	{ "[F", KEY_END },	  { "OF", KEY_END },
	{ "[4~", KEY_END },	  { "[8~", KEY_END },
	{ "[5~", KEY_PAGE_UP },	  { "[6~", KEY_PAGE_DOWN },
	{ "[3~", KEY_DELETE },	  { "[Z", KEY_BACK_TAB },
	{ "OM", KEY_ENTER },	  { "[200~", KEY_PASTE },
	{ "[201~", KEY_PASTED },
};

static enum key_code named(struct str sequence)
{
	for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++)
		if (str_is(sequence, sequences[i].sequence))
			return sequences[i].code;
	return KEY_NONE;
}

/* How long what follows an ESC is; 0: its end isn't there yet. */
static size_t sequence_length(struct str s)
{
	size_t n = 1;

	if (s.p[0] == 'O')
		return s.n > 1 ? 2 : 0;
	while (n < s.n && n < SEQUENCE_MAX &&
	       !(s.p[n] >= 0x40 && s.p[n] <= 0x7e))
		n++;
	if (n == SEQUENCE_MAX)
		return n;
	return n < s.n ? n + 1 : 0;
}

static size_t take_escape(struct key *out, struct str bytes, bool alone)
{
	struct str rest = str_sub(bytes, 1, bytes.n - 1);
	size_t n;

	out->code = KEY_ESCAPE;
	if (!rest.n)
		return alone ? 1 : 0;
	if (rest.p[0] != '[' && rest.p[0] != 'O')
		return 1;
	n = sequence_length(rest);
	if (!n)		/* the key, and what was typed behind it */
		return alone ? 1 : 0;
	out->code = named(str_sub(rest, 0, n));
	return n + 1;
}

static size_t take_control(struct key *out, unsigned char b)
{
	switch (b) {
	case '\r':
	case '\n':
		out->code = KEY_ENTER;
		break;
	case '\t':
		out->code = KEY_TAB;
		break;
	case 0x08:
	case 0x7f:
		out->code = KEY_BACKSPACE;
		break;
	default:
		if (b < 1 || b > 26)
			break;
		out->code = KEY_CONTROL;
		out->text[0] = (char)('a' + b - 1);
	}
	return 1;
}

static size_t take_text(struct key *out, struct str bytes, bool alone)
{
	unsigned char b = (unsigned char)bytes.p[0];
	size_t n = b < 0x80 ? 1 : b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;

	if ((b >= 0x80 && b < 0xc2) || b > 0xf4)
		return 1;
	if (bytes.n < n && !alone)
		return 0;
	if (bytes.n < n || !utf8_valid(str_sub(bytes, 0, n)))
		return 1;
	out->code = KEY_TEXT;
	memcpy(out->text, bytes.p, n);
	return n;
}

size_t key_take(struct key *out, struct str bytes, bool alone)
{
	*out = (struct key){ .code = KEY_NONE };
	if (!bytes.n)
		return 0;
	if (bytes.p[0] == '\033')
		return take_escape(out, bytes, alone);
	if ((unsigned char)bytes.p[0] < ' ' || bytes.p[0] == 0x7f)
		return take_control(out, (unsigned char)bytes.p[0]);
	return take_text(out, bytes, alone);
}
