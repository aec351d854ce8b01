/* SPDX-License-Identifier: MPL-2.0 */

/*  What a file that may be a libzmq is.  */

#ifndef LIBRARY_H_INCLUDED
#define LIBRARY_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

typedef struct
{
    bool is_libzmq; /* defines zmq_ctx_new for the dynamic linker */
    bool is_ours;
    char version[32]; /* of ours */
    char on[32];      /* the version of libzmq that it was made of */
} library_t;

/*  Reads an ELF file of this machine's word size and byte order.  Anything else is
    no libzmq.  Returns 0 or the errno of open, fstat or mmap.  */
int library_read (library_t *library_, const char *path_);

/*  The same for what was read into memory: nothing in it is trusted.  */
void library_examine (library_t *library_, const void *image_, size_t size_);

#endif
