/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack run.  */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "zds_host.h"

/*  Where the patched libzmq was installed.  */
#ifndef ZDS_LIBDIR
#error "ZDS_LIBDIR is the build system's to define"
#endif

#define SONAME "libzmq.so.5"

/*  Exit statuses of a command that runs another one, as env(1) has them.  */
enum
{
    EXIT_USAGE = 125,
    EXIT_CANNOT_RUN = 126,
    EXIT_NOT_FOUND = 127
};

const char cli_run_help[] =
  "Usage: zmq-dualstack run [--] PROGRAM [ARG]...\n"
  "\n"
  "Runs PROGRAM, unmodified, on the dual-stack libzmq, in place of the "
  "system's\n"
  "or of one that it brought along. Programs that it starts run on it too. "
  "The\n"
  "exit status is PROGRAM's; 125 for wrong usage or a missing library, 126 if\n"
  "PROGRAM cannot be run, 127 if there is no such program.\n"
  "\n"
  "Environment:\n"
  "  ZMQ_DUALSTACK=off  the dual-stack libzmq behaves as one without\n"
  "                     dual stack\n"
  "  ZDS_LIBDIR         directory of the " SONAME " to use, in place of\n"
  "                     " ZDS_LIBDIR "\n";

/*  Puts the library before all others that the dynamic linker loads.  Preloading
    also replaces a copy under another file name: symbols are found in the
    preloaded one first.  */
static int preload (const char *library_)
{
    const char *others = getenv ("LD_PRELOAD");
    char *value = NULL;
    int rc;

    if (others != NULL && others[0] != '\0')
        rc = asprintf (&value, "%s:%s", library_, others);
    else
        rc = asprintf (&value, "%s", library_);
    if (rc < 0)
        return ENOMEM;
    rc = setenv ("LD_PRELOAD", value, 1) == 0 ? 0 : errno;
    free (value);
    return rc;
}

/*  Says in time what would go unnoticed in the program: a misspelt word.  */
static void check_settings (void)
{
    const zds_settings_t settings = zds_host_settings ();

    if (settings.off)
        fputs ("zmq-dualstack: ZMQ_DUALSTACK=off: IPv4 only\n", stderr);
}

/*  Absolute, so that a program may change its directory.  */
char *cli_find_library (bool quietly_)
{
    const char *dir = getenv ("ZDS_LIBDIR");
    char *path = NULL;
    char *library;

    if (dir == NULL || dir[0] == '\0')
        dir = ZDS_LIBDIR;
    if (asprintf (&path, "%s/%s", dir, SONAME) < 0) {
        if (!quietly_)
            cli_fail (0, "run", strerror (ENOMEM));
        return NULL;
    }
    library = realpath (path, NULL);
    if (library != NULL && access (library, R_OK) != 0) {
        free (library);
        library = NULL;
    }
    if (library == NULL && !quietly_)
        cli_fail (0, path, strerror (errno));
    free (path);
    return library;
}

int cli_run (int argc_, char **argv_)
{
    char *library;
    int rc;

    (void) argc_;
    argv_++;
    if (argv_[0] != NULL && strcmp (argv_[0], "--") == 0)
        argv_++;
    if (argv_[0] == NULL)
        return cli_usage (EXIT_USAGE, "run", "no program given");
    library = cli_find_library (false);
    if (library == NULL)
        return EXIT_USAGE;

    /*  The dynamic linker only warns of a library that it cannot preload, and
        the program would run on the system's.  Colons and blanks separate the
        names in LD_PRELOAD.  */
    if (strpbrk (library, ": \t\n") != NULL)
        rc = cli_fail (EXIT_USAGE, library, "colon or blank in the path");
    else if ((rc = preload (library)) != 0)
        rc = cli_fail (EXIT_USAGE, "run", strerror (rc));
    free (library);
    if (rc != 0)
        return rc;

    check_settings ();
    execvp (argv_[0], argv_);
    return cli_fail (errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN,
                     argv_[0], strerror (errno));
}
