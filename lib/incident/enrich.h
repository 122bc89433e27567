#ifndef INCIDENT_ENRICH_H
#define INCIDENT_ENRICH_H

#include "incident/incident.h"
#include "stackflow/ai.h"

/*
 * What StackFlow's AI is asked about an incident, and what follows from its
 * answers: fields that no rule names, a priority that only rises, one note
 * that quotes. Its texts are foreign: bounded, on lines of ours, without
 * markup.
 */
#define ENRICH_AFTER_MS 5000	/* from the incident's opening, at the least */

/*
 * The operation that asks, in arena; NULL: out of memory. Its body is JSON:
 * {"key": "...", "incarnation": 1, "text": "...",
 *  "suggest": {"above": 0.8, "category": "monitoring", "priority": "P1"},
 *  "analyze": {"above": 0.5, "priority": [1, 2]}, "article": {"above": 0.6}}
 * where suggest has what tocsin gave the fields that are to be filled, and the
 * highest priority that a suggestion may raise to.
 */
struct op *enrich_op(struct arena *arena, const struct incident *i,
		     const struct verdict *v, int64_t now_ms);

/* The body read back; strings are body's own. false: it is none. */
struct enrich_order {
	struct str key;
	unsigned incarnation;
	struct str text;		/* short description and description */
	struct enrich ask;
	struct str given[ENRICH_PRIORITY];
};
bool enrich_read(struct enrich_order *out, const struct json *body);

/* What came. Confidences below 0, NULL and STR_NONE: nothing did. */
struct enrichment {
	struct sf_ai_suggestion suggested[ENRICH_FIELDS];
	struct str suggest_model;
	const struct sf_ai_findings *findings;
	const struct sf_ai_exemplar *exemplars;
	size_t exemplar_count;
	struct sf_ai_citation article;
	struct str article_url;
};

/* May this suggestion be used: is it of a value's form, and sure enough? */
bool enrich_usable(const struct enrich_order *o, enum enrich_field f,
		   const struct sf_ai_suggestion *s);
/* Is there something in it, and is it sure enough? */
bool enrich_found(const struct enrich_order *o,
		  const struct sf_ai_findings *f);
/* The priority that i has once a suggestion has raised it. */
int enrich_priority(const struct enrich_order *o, const struct enrichment *e,
		    const struct incident *i);

/*
 * What follows for i: in out->ops an OP_FILL, an OP_RAISE and a note, or less;
 * 0: nothing, out->because says why. id: by which the note is found again. A
 * held note at the lane's end must be let go with them. 0 or -ENOMEM.
 */
int incident_enrich(struct change *out, struct arena *arena,
		    const struct incident *i, struct str id,
		    const struct enrich_order *o, const struct enrichment *e,
		    int64_t now_ms);

/*
 * Of an OP_FILL's fields those that are still as tocsin gave them, as JSON in
 * arena; STR_NONE: none is (a person's change stands), or they can't be read.
 * 0 or -ENOMEM.
 */
int incident_fill_left(struct str *out, struct arena *arena,
		       const struct op *op, const struct remote_view *view);

#endif
