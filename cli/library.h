/* SPDX-License-Identifier: MPL-2.0 */

/*  What a file that may be a libzmq is, and where ours are.  */

#ifndef LIBRARY_H_INCLUDED
#define LIBRARY_H_INCLUDED

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*  ELF structures of this machine's word size: ELF (Ehdr).  */
#if UINTPTR_MAX > 0xffffffffu
#define ELF(type) Elf64_##type
#else
#define ELF(type) Elf32_##type
#endif

typedef struct
{
    bool is_libzmq;  /* defines zmq_ctx_new for the dynamic linker */
    bool has_drafts; /* and the calls of libzmq's draft API */
    bool is_ours;
    char version[32]; /* of ours */
    char on[32];      /* the version of libzmq that it was made of */
} library_t;

/*  Reads an ELF file, in which nothing is trusted.  Anything else is no libzmq.
    Returns 0 or the errno of open, fstat or mmap.  */
int library_read (library_t *library_, const char *path_);

/*  Whether a file's name, without its directory, begins with libzmq.  */
bool library_is_called_so (const char *path_);

/*  The directory whose libzmq.so.5 and zmq-dualstack/VERSION/libzmq.so.5 are the
    dual-stack builds, and libzmq.so.5 in the folders of versions beside it:
    ZDS_LIBDIR in the environment, or where they were installed.  */
const char *library_dir (void);

/*  The absolute path of a dual-stack build: of this version of libzmq, and with
    drafts if they are wanted; for NULL, of the newest, and of the one without a
    folder of its own if there is one.  NULL if there is none, or no memory.  The
    caller frees it.  */
char *library_build (const char *version_, bool drafts_);

/*  library_build (NULL), with a message if there is none.  */
char *library_chosen (const char *command_);

/*  The paths of this command and of audit.so, which belongs to it; EXIT_... of
    run, with a message, if one is missing.  The caller frees them in any case.  */
bool library_audit (char **command_, char **audit_);

#endif
