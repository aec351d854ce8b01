/* SPDX-License-Identifier: MPL-2.0 */

/*  What the files of zmq-dualstack share.  */

#ifndef CLI_H_INCLUDED
#define CLI_H_INCLUDED

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdbool.h>
#include <stdio.h>

#if defined __GNUC__
#define CLI_PRINTF(text, args) __attribute__ ((format (printf, text, args)))
#else
#define CLI_PRINTF(text, args)
#endif

/*  Exit statuses of explain, status and service; 'run' has those of env(1).  */
enum
{
    STATUS_YES = 0,  /* it works, or would */
    STATUS_NO = 1,   /* it does not, or would not */
    STATUS_USAGE = 2 /* wrong usage, or the command itself could not go on */
};

/*  The commands, with their arguments from the command's name on, and what --help
    says of them.  */
int cli_run (int argc_, char **argv_);
int cli_explain (int argc_, char **argv_);
int cli_status (int argc_, char **argv_);
int cli_service (int argc_, char **argv_);
int cli_choose (int argc_, char **argv_); /* for audit.c */
extern const char cli_run_help[];
extern const char cli_explain_help[];
extern const char cli_status_help[];
extern const char cli_service_help[];

/*  An option: '*text' gets its argument, or, where that is NULL, '*flag' is set.  */
typedef struct
{
    const char *name;
    bool *flag;
    const char **text;
} cli_option_t;

/*  Reads options, up to one without a name; moves what is none to the front, from
    argv_[1] on, and returns how many that are; -1 for wrong usage, which was told.  */
int cli_options (int argc_, char **argv_, const cli_option_t *options_);

/*  "zmq-dualstack: WHAT: WHY" on stderr, WHY as printf does; returns 'status_'.  */
int cli_fail (int status_, const char *what_, const char *why_, ...)
  CLI_PRINTF (3, 4);

/*  The same, and where help is.  */
int cli_usage (int status_, const char *what_, const char *why_);

/*  What a command printed has to reach its reader: 'status_' if it did.  */
int cli_flush (int status_);

/*  "ECONNREFUSED"; "errno 123" for what has no name here, in a static buffer.  */
const char *cli_errno_name (int error_);

/*  Columns of the terminal: COLUMNS, or what it says itself, or 80.  */
unsigned cli_width (void);

/*  Prints at most 'len_' bytes of a text that others chose (paths, environments):
    control characters, which terminals obey, become \xNN.  Returns how many bytes
    that made.  */
unsigned cli_put (const char *text_, size_t len_);

/*  Prints text, as printf makes it and cli_put prints it, in lines that fit the
    terminal, the first one after 'first_', the others after as many blanks.  */
void cli_say (const char *first_, const char *format_, ...) CLI_PRINTF (2, 3);

/*  Room for one more element in the array that the pointer at 'array_' points to,
    all zero; NULL without memory.  */
void *cli_grow (void *array_, size_t *count_, size_t size_);

#endif
