/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack run puts this into a program by LD_AUDIT (rtld-audit(7)).  It asks
    `zmq-dualstack choose` which file is to be loaded in place of each libzmq, so that
    every copy is replaced by a dual-stack build of its own version, whoever brought
    it along and however it is found.  */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <link.h>
#include <stdbool.h>

/*  Other C libraries have no LD_AUDIT, and run says so.  */
#ifdef LAV_CURRENT

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum
{
    PATH_SIZE = 4096,
    EXIT_REFUSED = 125
};

/*  As they were when the program began, because it may clear its environment, or write
    over it to change its title.  */
static char *command, *environment[3];
static bool is_running;

unsigned la_version (unsigned version_)
{
    static const char *const names[] = {"ZDS_LIBDIR", "LD_LIBRARY_PATH"};
    const char *value = getenv ("ZMQ_DUALSTACK_COMMAND");
    char **next = environment;
    size_t i;

    command = value == NULL ? NULL : strdup (value);
    for (i = 0; i < 2; i++) {
        value = getenv (names[i]);
        next += value != NULL && asprintf (next, "%s=%s", names[i], value) >= 0;
    }
    *next = NULL;
    return version_ < LAV_CURRENT ? version_ : LAV_CURRENT;
}

void la_preinit (uintptr_t *cookie_)
{
    (void) cookie_;
    is_running = true;
}

/*  Runs `COMMAND choose PATH` and reads what it prints, which is empty if there is no
    answer.  How it ended may never be known, because the program may ignore SIGCHLD,
    or wait for every child itself.  False if it was not run, or crashed.  */
static bool run_choose (const char *path_, char *answer_)
{
    char choose[] = "choose";
    char *argv[] = {command, choose, (char *) path_, NULL};
    posix_spawn_file_actions_t actions;
    int fds[2], status = 0;
    size_t used = 0;
    ssize_t got = 1;
    pid_t child = -1;

    answer_[0] = '\0';
    if (command == NULL || pipe2 (fds, O_CLOEXEC) != 0)
        return false;
    /*  The pipe may have the number of standard output, if that is closed.  */
    posix_spawn_file_actions_init (&actions);
    posix_spawn_file_actions_adddup2 (&actions, fds[1], STDOUT_FILENO);
    if (posix_spawn (&child, command, &actions, NULL, argv, environment) != 0)
        child = -1;
    posix_spawn_file_actions_destroy (&actions);
    close (fds[1]);
    while (child > 0 && used < PATH_SIZE - 1
           && (got > 0 || (got == -1 && errno == EINTR))) {
        got = read (fds[0], answer_ + used, PATH_SIZE - 1 - used);
        used += got > 0 ? (size_t) got : 0;
    }
    answer_[used] = '\0';
    close (fds[0]);
    while (child > 0 && waitpid (child, &status, 0) == -1 && errno == EINTR)
        ;
    return child > 0 && WIFEXITED (status);
}

/*  Has to be cheap: it is called for every file that the dynamic linker might
    load.  */
static bool may_be_libzmq (const char *path_)
{
    const char *const slash = strrchr (path_, '/');
    const char *const dot = slash == NULL ? NULL : strrchr (slash, '.');

    return slash != NULL
           && (strstr (slash, "zmq") != NULL
               || (dot != NULL && strcmp (dot, ".node") == 0))
           && access (path_, R_OK) == 0;
}

char *la_objsearch (const char *name_, uintptr_t *cookie_, unsigned flag_)
{
    static char answer[PATH_SIZE];

    (void) cookie_;
    (void) flag_;
    if (!may_be_libzmq (name_))
        return (char *) name_;
    if (!run_choose (name_, answer))
        dprintf (STDERR_FILENO,
                 "zmq-dualstack: %s: no answer from the command\n", name_);
    if (strcmp (answer, name_) == 0)
        return (char *) name_;
    if (answer[0] != '\0')
        return strdup (answer); /* for as long as the program runs */
    /*  A library that is wanted later on is missing for the program, which may have
        something else to do.  */
    if (!is_running)
        _exit (EXIT_REFUSED);
    return NULL;
}

#endif
