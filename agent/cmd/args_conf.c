#include <stdio.h>

#include "agent/cmd/args.h"
#include "agent/conf.h"
#include "base/buf.h"
#include "doc/fault.h"

int args_conf(struct conf **out, const char *path)
{
	struct buf text = BUF_INIT(1 << 20);
	struct faults faults;
	int rc;

	faults_init(&faults);
	rc = conf_look(out, path, &faults);
	if (rc) {
		faults_put_text(&text, &faults);
		fputs(buf_str(&text).p, stderr);
	}
	faults_fini(&faults);
	buf_fini(&text);
	return rc ? CMD_CONFIG : 0;
}
