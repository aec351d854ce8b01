/* SPDX-License-Identifier: MPL-2.0 */

/*  What zmq-dualstack run puts into a program by LD_AUDIT (rtld-audit(7)): asks
    `zmq-dualstack choose` which file is to be loaded in place of each libzmq, so
    that one copy is replaced by a dual-stack build of its own version, whoever
    brought it along and however it is found.  */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <link.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
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

unsigned la_version (unsigned version_)
{
    return version_ < LAV_CURRENT ? version_ : LAV_CURRENT;
}

void la_preinit (uintptr_t *cookie_)
{
    (void) cookie_;
    is_running = true;
}

/*  The environment without what would audit the child too.  */
static char **without_audit (void)
{
    size_t count = 0, kept = 0, i;
    char **list;

    while (environ[count] != NULL)
        count++;
    list = malloc ((count + 1) * sizeof *list);
    for (i = 0; list != NULL && i < count; i++)
        if (strncmp (environ[i], "LD_AUDIT=", 9) != 0
            && strncmp (environ[i], "LD_PRELOAD=", 11) != 0)
            list[kept++] = environ[i];
    if (list != NULL)
        list[kept] = NULL;
    return list;
}

/*  Runs `COMMAND choose PATH` and reads what it prints.  Its exit status, or -1.  */
static int run_choose (const char *path_, char *answer_)
{
    char *const command = getenv ("ZMQ_DUALSTACK_COMMAND");
    char choose[] = "choose";
    char *argv[] = {command, choose, (char *) path_, NULL};
    char **const env = without_audit ();
    posix_spawn_file_actions_t actions;
    int fds[2], status = -1;
    size_t used = 0;
    ssize_t got;
    pid_t child = -1;

    if (command == NULL || env == NULL || pipe (fds) != 0) {
        free (env);
        return -1;
    }
    posix_spawn_file_actions_init (&actions);
    posix_spawn_file_actions_adddup2 (&actions, fds[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose (&actions, fds[0]);
    if (posix_spawn (&child, command, &actions, NULL, argv, env) != 0)
        child = -1;
    posix_spawn_file_actions_destroy (&actions);
    free (env);
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

    return slash != NULL
           && (strstr (slash, "zmq") != NULL
               || strcmp (slash + strlen (slash) - (strlen (slash) < 5 ? 0 : 5),
                          ".node")
                    == 0)
           && access (path_, R_OK) == 0;
}

/*  What the command would have said.  */
static void complain (void)
{
    static const char why[] =
      "zmq-dualstack: which libzmq to load cannot be found out: zmq-dualstack "
      "choose does not run here\n";
    const ssize_t written = write (STDERR_FILENO, why, sizeof why - 1);

    (void) written;
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
        complain ();
    /*  A library that is wanted later on is missing for the program, which may have
        something else to do.  */
    if (!is_running)
        _exit (EXIT_REFUSED);
    return NULL;
}
