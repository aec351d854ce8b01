/* SPDX-License-Identifier: MPL-2.0 */

/*  What zmq-dualstack run puts into a program by LD_AUDIT (rtld-audit(7)): asks
    `zmq-dualstack choose` which file is to be loaded in place of each libzmq, so
    that one copy is replaced by a dual-stack build of its own version, whoever
    brought it along and however it is found.  */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <link.h>
#include <stdbool.h>

/*  Other C libraries have no such thing, and run says so.  */
#ifdef LAV_CURRENT

#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum
{
    PATH_SIZE = 4096,
    EXIT_REFUSED = 125
};

static bool is_running;

/*  0: not in the command itself, which loads a libzmq to ask for its version.  */
unsigned la_version (unsigned version_)
{
    const char *const command = getenv ("ZMQ_DUALSTACK_COMMAND");
    char *const own = realpath ("/proc/self/exe", NULL);
    const bool is_command =
      command != NULL && own != NULL && strcmp (own, command) == 0;

    free (own);
    if (is_command)
        return 0;
    return version_ < LAV_CURRENT ? version_ : LAV_CURRENT;
}

void la_preinit (uintptr_t *cookie_)
{
    (void) cookie_;
    is_running = true;
}

/*  Runs `COMMAND choose PATH` and reads what it prints.  Its exit status, or -1.  */
static int run_choose (const char *path_, char *answer_)
{
    char *const command = getenv ("ZMQ_DUALSTACK_COMMAND");
    char choose[] = "choose";
    char *argv[] = {command, choose, (char *) path_, NULL};
    posix_spawn_file_actions_t actions;
    int fds[2], status = -1;
    size_t used = 0;
    ssize_t got;
    pid_t child = -1;

    if (command == NULL || pipe (fds) != 0)
        return -1;
    posix_spawn_file_actions_init (&actions);
    posix_spawn_file_actions_adddup2 (&actions, fds[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose (&actions, fds[0]);
    if (posix_spawn (&child, command, &actions, NULL, argv, environ) != 0)
        child = -1;
    posix_spawn_file_actions_destroy (&actions);
    close (fds[1]);
    while (child > 0 && used < PATH_SIZE - 1
           && (got = read (fds[0], answer_ + used, PATH_SIZE - 1 - used)) > 0)
        used += (size_t) got;
    answer_[used] = '\0';
    close (fds[0]);
    if (child > 0)
        waitpid (child, &status, 0);
    return child > 0 && WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}

/*  Cheap: it is asked of every file that the dynamic linker might load.  */
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
    char *copy = NULL;
    int status;

    (void) cookie_;
    (void) flag_;
    if (!may_be_libzmq (name_))
        return (char *) name_;
    status = run_choose (name_, answer);
    if (status == 0) {
        if (answer[0] != '\0')
            copy = strdup (answer); /* for as long as the program runs */
        return copy == NULL ? (char *) name_ : copy;
    }
    if (status == -1)
        dprintf (STDERR_FILENO,
                 "zmq-dualstack: %s: no answer from the command\n", name_);
    /*  A library that is wanted later on is missing for the program, which may have
        something else to do.  */
    if (!is_running)
        _exit (EXIT_REFUSED);
    return NULL;
}

#endif
