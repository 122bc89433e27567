#include "aws/sns.h"

#include "base/encode.h"

void sns_put_publish(struct buf *out, struct str topic_arn, struct str subject,
		     struct str message)
{
	buf_puts(out, "Action=Publish&Version=2010-03-31&TopicArn=");
	encode_url(out, topic_arn);
	if (subject.n) {
		buf_puts(out, "&Subject=");
		encode_url(out, subject);
	}
	buf_puts(out, "&Message=");
	encode_url(out, message);
}
