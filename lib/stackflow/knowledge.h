#ifndef STACKFLOW_KNOWLEDGE_H
#define STACKFLOW_KNOWLEDGE_H

#include "stackflow/stackflow.h"

/* Knowledge articles; the pages name no filter, "search" is passed as given. */
sf_list sf_article_list;

/* A row, its strings row's own. */
struct sf_article {
	struct str id;			/* KB0000456 */
	struct str title;		/* or STR_NONE */
	struct str url;			/* http(s), or STR_NONE */
	struct str text;		/* or STR_NONE */
};

/* false: the row has no usable id. */
bool sf_article_read(struct sf_article *out, const struct json *row);

#endif
