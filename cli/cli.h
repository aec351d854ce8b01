/* SPDX-License-Identifier: MPL-2.0 */

/*  What the files of zmq-dualstack share.  */

#ifndef CLI_H_INCLUDED
#define CLI_H_INCLUDED

#include <stdbool.h>
#include <stdio.h>

#include "zds_mode.h"
#include "zds_settings.h"

/*  Exit statuses of explain and status; 'run' has those of env(1).  */
enum
{
    STATUS_YES = 0,  /* it works, or would */
    STATUS_NO = 1,   /* it does not, or would not */
    STATUS_USAGE = 2 /* wrong usage, or the command itself could not go on */
};

/*  The commands, with their arguments from the command's name on.  */
int cli_run (int argc_, char **argv_);
int cli_explain (int argc_, char **argv_);
int cli_status (int argc_, char **argv_);
int cli_service (int argc_, char **argv_);
int cli_choose (int argc_, char **argv_); /* for audit.c */

/*  What --help says, all of it and of each command.  */
extern const char cli_run_help[];
extern const char cli_explain_help[];
extern const char cli_status_help[];
extern const char cli_service_help[];

/*  "zmq-dualstack: WHAT: WHY" on stderr; returns 'status_'.  */
int cli_fail (int status_, const char *what_, const char *why_);

/*  The same, and where help is.  */
int cli_usage (int status_, const char *what_, const char *why_);

/*  What a command printed has to reach its reader: 'status_' if it did.  */
int cli_flush (int status_);

/*  "ECONNREFUSED"; "errno 123" for what has no name here, in a static buffer.  */
const char *cli_errno_name (int error_);

/*  Columns of the terminal: COLUMNS, or what it says itself, or 80.  */
unsigned cli_width (void);

/*  Whether stdout takes colours, and letters beyond ASCII.  */
bool cli_is_coloured (void);
bool cli_is_utf8 (void);

/*  Prints the first 'len_' bytes of a text that others chose (paths, environments):
    control characters, which terminals obey, become \xNN.  Returns how many bytes
    that made.  */
unsigned cli_put (const char *text_, size_t len_);

/*  Its beginning, in at least so many columns.  */
void cli_put_padded (const char *text_, unsigned width_);

/*  Prints text in lines of at most 'width_' columns, the first one after
    'first_', the others after as many blanks; the text as cli_put does.  */
void cli_wrap (const char *first_, const char *text_, unsigned width_);

#endif
