/* SPDX-License-Identifier: MPL-2.0 */

/*  What the files of zmq-dualstack share.  */

#ifndef CLI_H_INCLUDED
#define CLI_H_INCLUDED

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <elf.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined __GNUC__
#define CLI_PRINTF(text, args) __attribute__ ((format (printf, text, args)))
#else
#define CLI_PRINTF(text, args)
#endif

/*  --- commands ------------------------------------------------------------------  */

/*  Exit statuses of explain, status and service; 'run' has those of env(1).  */
enum
{
    STATUS_YES = 0,  /* it works, or would */
    STATUS_NO = 1,   /* it does not, or would not */
    STATUS_USAGE = 2 /* wrong usage, or the command itself could not go on */
};

/*  The commands, whose arguments begin with the command's name, and their --help
    texts.  */
int cli_run (int argc_, char **argv_);
int cli_explain (int argc_, char **argv_);
int cli_status (int argc_, char **argv_);
int cli_service (int argc_, char **argv_);
int cli_choose (int argc_, char **argv_); /* for audit.c */
extern const char cli_run_help[], cli_explain_help[], cli_status_help[],
  cli_service_help[];

/*  Reads options, as getopt_long(3) does; an option whose value is a number, with no
    flag, puts its argument into 'texts_' there.  Moves everything else to the front,
    from argv_[1] on, and returns how many words that is; -1 for wrong usage, which it
    reports.  */
int cli_options (int argc_,
                 char **argv_,
                 const struct option *options_,
                 const char **texts_);

/*  "zmq-dualstack: WHAT: WHY" on stderr, WHY as printf does; returns 'status_'.  */
int cli_fail (int status_, const char *what_, const char *why_, ...)
  CLI_PRINTF (3, 4);

/*  The same, and says where help is.  */
int cli_usage (int status_, const char *what_, const char *why_);

/*  Returns 'status_' if everything that was printed has been written, else
    STATUS_USAGE.  */
int cli_flush (int status_);

/*  --- memory: whoever runs out of it ends with STATUS_USAGE, and says so ----------  */

/*  A text as printf makes it, and a copy of the first 'len_' bytes of one; the caller
    frees them.  */
char *cli_text (const char *format_, ...) CLI_PRINTF (1, 2);
char *cli_copy (const char *text_, size_t len_);

/*  Room for one more element, all zero, in the array that the pointer at 'array_'
    points to.  */
void *cli_grow (void *array_, size_t *count_, size_t size_);

/*  --- output ----------------------------------------------------------------------  */

/*  Prints at most 'len_' bytes of a text that others chose (paths, environments):
    control characters, which terminals obey, become \xNN.  Returns the number of
    bytes printed.  */
unsigned cli_put (const char *text_, size_t len_);

/*  Prints a text, as printf makes it and cli_put prints it, in lines that fit the
    terminal.  The first line begins with 'first_', the others with as many
    blanks.  */
void cli_say (const char *first_, const char *format_, ...) CLI_PRINTF (2, 3);

/*  Columns of the terminal: COLUMNS, or the number that the terminal tells, or
    80.  */
unsigned cli_width (void);

/*  "ECONNREFUSED"; "errno 123" in a static buffer for an errno that has no name
    here.  */
const char *cli_errno_name (int error_);

/*  Writes JSON (RFC 8259), as the words of 'format_' say, separated by blanks:
        {  [  NAME{  NAME[   opens an object or an array, as a member if it has a name
        }  ]                 closes it
        NAME=T  =T           a value; T says which argument it has: s a text (NULL is
                             null; bytes that are not UTF-8 become U+FFFD), b a bool,
                             o an int that is null below 0 and else a bool, i a long, n
                             null, m a long of microseconds, written in milliseconds
                             (null below 0).  */
void json (const char *format_, ...);

/*  --- libraries -------------------------------------------------------------------  */

/*  ELF structures of this machine's word size: ELF (Ehdr), and what such files are
    marked with.  */
#if UINTPTR_MAX > 0xffffffffu
#define ELF(type) Elf64_##type
#define ELF_CLASS ELFCLASS64
#else
#define ELF(type) Elf32_##type
#define ELF_CLASS ELFCLASS32
#endif

/*  A file in memory; 'at' is NULL if it is no regular file, or empty.  */
typedef struct
{
    char *at;
    size_t size;
    struct stat about;
} image_t;

/*  Returns 0 or an errno.  On success, the caller closes it.  */
int image_open (image_t *image_, const char *path_);
void image_close (image_t *image_);

/*  Copies a part of it, if that lies within it: nothing in the file is trusted, or
    aligned.  */
bool image_take (const image_t *image_,
                 uint64_t offset_,
                 void *to_,
                 size_t size_);

typedef struct
{
    bool is_libzmq;  /* defines zmq_ctx_new for the dynamic linker */
    bool has_drafts; /* and the calls of libzmq's draft API */
    bool is_ours;
    char version[32]; /* of ours */
    char on[32];      /* the version of libzmq that it was made of */
} library_t;

/*  Reads an ELF file; any other file is no libzmq.  Returns 0 or an errno: ENOEXEC for
    one of another word size.  */
int library_read (library_t *library_, const char *path_);

/*  Whether a file's name, without its directory, begins with libzmq.  */
bool library_is_called_so (const char *path_);

/*  The directory of the dual-stack builds: its libzmq.so.5 and
    zmq-dualstack/VERSION/libzmq.so.5, and libzmq.so.5 in folders beside it that are
    named after versions.  It is ZDS_LIBDIR in the environment, or where they were
    installed.  */
const char *library_dir (void);

/*  The absolute path of the dual-stack build of this version of libzmq, with drafts
    if they are wanted; for NULL, of the newest, and of two with that version the one
    without a folder of its own.  NULL if there is none.  The caller frees it.  */
char *library_build (const char *version_, bool drafts_);

/*  Whether there is any build; if not, says so.  */
bool library_exists (const char *command_);

/*  The paths of this command and of audit.so, which belongs to it; false, with a
    message, if one is missing.  The caller frees them in any case.  */
bool library_audit (char **command_, char **audit_);

#endif
