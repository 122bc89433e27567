#include "agent/cmd/cmd.h"

const char program_name[] = "tocsin";

const struct cmd *const cmds[] = {
	&cmd_status, &cmd_top, &cmd_incidents, &cmd_events, &cmd_dead,
	&cmd_silence, &cmd_audit, &cmd_run, &cmd_doctor, &cmd_drill,
	&cmd_check, &cmd_test, &cmd_explain, &cmd_replay, &cmd_report,
	&cmd_erase, &cmd_backup, &cmd_restore, &cmd_send, &cmd_sandbox, &cmd_completion,
	&cmd_version,
	NULL,
};
