#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cmd/program.h"
#include "agent/stackflow/words.h"

/* Options that every command has, and whether a value follows. */
static const struct {
	const char *name;
	bool value;
} leading[] = {
	{ "--json", false }, { "--no-color", false }, { "--verbose", false },
	{ "-v", false }, { "--base-url", true }, { "--timeout", true },
};

/* How many words this one is of those; 0: none of them. */
static int length_of(const char *word)
{
	for (size_t i = 0; i < sizeof(leading) / sizeof(leading[0]); i++) {
		size_t n = strlen(leading[i].name);

		if (strcmp(word, leading[i].name) == 0)
			return leading[i].value ? 2 : 1;
		if (leading[i].value &&
		    strncmp(word, leading[i].name, n) == 0 && word[n] == '=')
			return 1;
	}
	return 0;
}

/* `stackflow --json health` is `stackflow health --json`. */
static char **put_behind(int argc, char **argv)
{
	char **out = calloc((size_t)argc + 1, sizeof(*out));
	int first = 1, n = 0, k;

	assert(out);
	while (first < argc && (k = length_of(argv[first])))
		first += k;
	if (first >= argc)
		first = 1;
	out[n++] = argv[0];
	if (first < argc)
		out[n++] = argv[first];
	for (int i = 1; i < first; i++)
		out[n++] = argv[i];
	for (int i = first + 1; i < argc; i++)
		out[n++] = argv[i];
	return out;
}

int main(int argc, char **argv)
{
	char **words = put_behind(argc, argv);
	int status;

	signal(SIGPIPE, SIG_IGN);	/* as lib/rest asks for */
	status = program_run(argc, words);
	free(words);
	return status;
}
