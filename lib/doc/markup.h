#ifndef DOC_MARKUP_H
#define DOC_MARKUP_H

#include "base/buf.h"

/* Text for HTML or XML, outside of tags or within a quoted attribute. */
void markup_put(struct buf *out, struct str s);
/*
 * The same of text from outside: without what XML can't hold, what turns the
 * direction of reading or breaks the line, as utf8_put_safe(); max counts
 * before the escapes.
 */
void markup_put_safe(struct buf *out, struct str s, size_t max);
/*
 * Text from outside where nobody knows how it will be shown: one line, in which
 * neither HTML, [code] nor Markdown's links and images mean anything and no
 * address becomes a link. Brackets look alike; the rest as utf8_put_safe().
 */
void markup_put_plain(struct buf *out, struct str s, size_t max);

#endif
