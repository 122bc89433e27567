#include "agent/intake/trust.h"

#include "aws/cert.h"
#include "doc/jsonw.h"

void trust_envelope(struct buf *out, const struct sns_message *m,
		    const struct sns_cert *cert, const char *by)
{
	struct jsonw w = JSONW(out);

	/* One allocation instead of a doubling row of them. */
	(void)buf_room(out, m->signature.n + m->signing_cert_url.n + 256);
	jsonw_object(&w);
	jsonw_kcstr(&w, "by", cert ? "signature" : by);
	if (m->type != SNS_NOTIFICATION)
		jsonw_kcstr(&w, "type", sns_type_name(m->type));
	jsonw_kint(&w, "version", m->signature_version);
	jsonw_kstr(&w, "timestamp", m->timestamp);
	jsonw_kstr(&w, "certificate", m->signing_cert_url);
	if (cert)
		jsonw_kcstr(&w, "sha256", sns_cert_sha256(cert));
	jsonw_kstr(&w, "signature", m->signature);
	jsonw_end_object(&w);
}

void trust_word(struct buf *out, const char *by, const char *field,
		struct str value)
{
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_kcstr(&w, "by", by);
	if (field)
		jsonw_kstr(&w, field, value);
	jsonw_end_object(&w);
}
