/* SPDX-License-Identifier: MPL-2.0 */

/*  What a file that may be a libzmq is.  */

#ifndef LIBRARY_H_INCLUDED
#define LIBRARY_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

typedef struct
{
    bool is_libzmq;  /* defines zmq_ctx_new for the dynamic linker */
    bool has_drafts; /* and the calls of libzmq's draft API */
    bool is_ours;
    char version[32]; /* of ours */
    char on[32];      /* the version of libzmq that it was made of */
} library_t;

/*  Reads an ELF file of this machine's word size and byte order.  Anything else is
    no libzmq.  Returns 0 or the errno of open, fstat or mmap.  */
int library_read (library_t *library_, const char *path_);

/*  The same for what was read into memory: nothing in it is trusted.  */
void library_examine (library_t *library_, const void *image_, size_t size_);

/*  The directory whose libzmq.so.5, and whose zmq-dualstack/VERSION/libzmq.so.5, and
    the libzmq.so.5 beside it, are the dual-stack builds: ZDS_LIBDIR in the environment, or where they were
    installed.  */
const char *library_dir (void);

/*  The absolute path of a dual-stack build: of this version of libzmq, and with
    drafts if they are wanted; for NULL, of the newest, and of the one without a
    folder of its own if there is one.  NULL if there is none, or no memory.  The
    caller frees it.  */
char *library_build (const char *version_, bool drafts_);

/*  library_build (NULL), with a message if there is none.  */
char *library_chosen (const char *command_);

/*  The path of audit.so, which belongs to this command; NULL if it is missing.  The
    caller frees it.  */
char *library_audit (void);

/*  Asks a libzmq for its version, by loading it; for the user's own programs only.
    False if it cannot be loaded.  */
bool library_ask_version (const char *path_, char *version_, size_t size_);

#endif
