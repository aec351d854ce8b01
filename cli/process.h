/* SPDX-License-Identifier: MPL-2.0 */

/*  What /proc tells of a process.  */

#ifndef PROCESS_H_INCLUDED
#define PROCESS_H_INCLUDED

#include "cli.h"

#include "zds_addr.h"
#include "zds_settings.h"

typedef struct
{
    char *path;
    library_t about;
    bool is_unread;    /* the file cannot be read: known by its name only */
    bool is_preloaded; /* named in LD_PRELOAD */
    bool is_program;   /* the program itself, with libzmq in it */
} process_library_t;

typedef struct
{
    unsigned long inode;
    zds_addr_t local, peer; /* family 0: no peer */
    bool listens;
    bool v6only;
} process_socket_t;

typedef struct
{
    long pid;
    char *program;
    char *environment;       /* as it was started: words that end with a NUL */
    size_t environment_size; /* 0: not known */
    bool is_privileged;      /* its libzmq does not read the environment */
    zds_settings_t in_force; /* as a context that it makes now reads them */
    bool file_counts;        /* the settings file says something for it */
    const char *file_fault;  /* why that file does not count; may be NULL */
    process_library_t *library;
    size_t library_count;
    process_socket_t *socket;
    size_t socket_count;
    bool sockets_known;
} process_t;

/*  Returns 0 or an errno: ESRCH no such process, EACCES.  The caller frees 'process_'
    in any case.  */
int process_read (process_t *process_, long pid_);
void process_free (process_t *process_);

/*  A variable of its environment; NULL if it is not set, or not known.  */
const char *process_variable (const process_t *process_, const char *name_);

/*  The library whose zmq_... a program calls; NULL if that cannot be told.  */
const process_library_t *process_library_in_use (const process_t *process_);

#endif
