#include "agent/sandbox/words.h"

#include <math.h>
#include <stdlib.h>

#define TEXT_MAX (64 << 10)
#define WORD_MAX 7	/* bytes kept; the eighth says whether it is common */
#define DIGITS_MAX 5	/* a longer number is an id or a time */
#define COMMON 0.2

/* Sorted, for bsearch(). */
static const char *const stops[] = {
	"a", "about", "after", "an", "and", "are", "as", "at", "be", "been",
	"by", "can", "do", "does", "for", "from", "had", "has", "have", "how",
	"i", "if", "in", "into", "is", "it", "its", "my", "of", "on", "or",
	"our", "should", "that", "the", "their", "there", "this", "to",
	"under", "was", "we", "were", "what", "when", "where", "which", "who",
	"why", "will", "with", "you", "your",
};

/* What nearly every alarm's text has. */
static const char *const commons[] = {
	"alarm", "alert", "aws", "cloudwatch", "incident", "prod",
	"production", "tocsin", "us",
};

static int compare(const void *key, const void *item)
{
	const struct str *word = key;
	const char *const *have = item;

	return str_cmp(*word, str_from(*have));
}

static bool listed(struct str word, const char *const *list, size_t n)
{
	return bsearch(&word, list, n, sizeof(*list), compare);
}

/* 0: to be left out. word is in lower case. */
static uint64_t pack(struct str word)
{
	uint64_t v = 0;
	size_t digits = 0;

	while (digits < word.n && word.p[digits] >= '0' &&
	       word.p[digits] <= '9')
		digits++;
	if (word.n < 2 || (digits == word.n && digits > DIGITS_MAX) ||
	    listed(word, stops, sizeof(stops) / sizeof(*stops)))
		return 0;
	if (word.n > 3 && word.p[word.n - 1] == 's')
		word.n--;
	if (listed(word, commons, sizeof(commons) / sizeof(*commons)))
		v = 1;
	for (size_t i = 0; i < WORD_MAX && i < word.n; i++)
		v |= (uint64_t)(unsigned char)word.p[i] << (56 - 8 * i);
	return v;
}

/* Where v stands or would stand. */
static size_t place(const struct box_words *w, uint64_t v)
{
	size_t low = 0, high = w->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (w->list[mid] < v)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void add(struct box_words *w, struct str word)
{
	uint64_t v = pack(word);
	size_t at = place(w, v);

	if (!v || w->n == BOX_WORDS || (at < w->n && w->list[at] == v))
		return;
	memmove(w->list + at + 1, w->list + at,
		(w->n - at) * sizeof(*w->list));
	w->list[at] = v;
	w->n++;
}

void box_words_add(struct box_words *w, struct str text)
{
	char word[32];
	size_t n = 0;

	if (text.n > TEXT_MAX)
		text.n = TEXT_MAX;
	for (size_t i = 0; i <= text.n; i++) {
		unsigned char c = i < text.n ? (unsigned char)text.p[i] : 0;

		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    c >= 0x80) {
			if (n < sizeof(word))
				word[n++] = (char)c;
			continue;
		}
		if (n)
			add(w, (struct str){ word, n });
		n = 0;
	}
}

bool box_words_has(const struct box_words *w, const char *word)
{
	uint64_t v = pack(str_from(word));
	size_t at = place(w, v);

	return at < w->n && w->list[at] == v;
}

static double weight(uint64_t v)
{
	return v & 1 ? COMMON : 1;
}

static double sum(const struct box_words *w)
{
	double all = 0;

	for (size_t i = 0; i < w->n; i++)
		all += weight(w->list[i]);
	return all;
}

static double shared(const struct box_words *a, const struct box_words *b)
{
	double all = 0;

	for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
		if (a->list[i] == b->list[k])
			all += weight(a->list[i]);
		if (a->list[i] <= b->list[k])
			i++;
		else
			k++;
	}
	return all;
}

double box_words_alike(const struct box_words *a, const struct box_words *b)
{
	double of = sqrt(sum(a) * sum(b)), s = shared(a, b);

	return of <= 0 ? 0 : s < of ? s / of : 1;
}

double box_words_found(const struct box_words *asked,
		       const struct box_words *in)
{
	double of = sum(asked);

	return of > 0 ? shared(asked, in) / of : 0;
}
