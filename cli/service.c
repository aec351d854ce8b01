/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack service: a drop-in of systemd.unit(5) that makes one unit run on the
    dual-stack libzmq.  */

#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "library.h"

const char cli_service_help[] =
  "Usage: zmq-dualstack service UNIT [OPTION]...\n"
  "\n"
  "Makes a systemd unit run on the dual-stack libzmq, from its next start on,\n"
  "by a file of its own, UNIT.d/zmq-dualstack.conf in /etc/systemd/system.\n"
  "Nothing else is changed, and `systemctl revert UNIT` undoes it too.\n"
  "\n"
  "  --words WORDS   and with this ZMQ_DUALSTACK\n"
  "  --show          only print the file, if it is there\n"
  "  --remove        delete it\n"
  "  --root DIR      work on the system below DIR\n";

static const char first_line[] =
  "# Written by zmq-dualstack service; --remove or systemctl revert undoes it.";

typedef struct
{
    const char *unit, *words, *root;
    bool shows, removes;
    char directory[PATH_MAX], path[PATH_MAX + 32];
} service_t;

/*  NAME, or NAME.service, of the characters that units have; nothing that leads out
    of the directory.  */
static bool is_unit_name (const char *name_)
{
    const char *at = name_;

    while (isalnum ((unsigned char) *at)
           || (*at != '\0' && strchr (":-_.\\@", *at) != NULL))
        at++;
    return *at == '\0' && at > name_ && at - name_ < 200 && name_[0] != '.';
}

static bool set_paths (service_t *service_)
{
    const char *const dot = strrchr (service_->unit, '.');
    const int len =
      snprintf (service_->directory, sizeof service_->directory,
                "%s/etc/systemd/system/%s%s.d", service_->root, service_->unit,
                dot != NULL && strcmp (dot, ".service") == 0 ? "" : ".service");

    snprintf (service_->path, sizeof service_->path, "%s/zmq-dualstack.conf",
              service_->directory);
    return len < (int) sizeof service_->directory;
}

/*  The drop-in.  */
static int print_to (FILE *file_, const service_t *service_)
{
    char *command, *audit;
    int rc = ENOENT;

    if (library_audit (&command, &audit)) {
        fprintf (file_,
                 "%s\n[Service]\n"
                 "Environment=\"LD_AUDIT=%s\"\n"
                 "Environment=\"ZMQ_DUALSTACK_COMMAND=%s\"\n"
                 "Environment=\"ZDS_LIBDIR=%s\"\n",
                 first_line, audit, command, library_dir ());
        if (service_->words != NULL)
            fprintf (file_, "Environment=\"ZMQ_DUALSTACK=%s\"\n",
                     service_->words);
        rc = fflush (file_) == 0 ? 0 : errno;
    }
    free (audit);
    free (command);
    return rc;
}

static int make_directories (char *path_)
{
    char *slash = path_;
    int rc = 0;

    while (rc == 0 && (slash = strchr (slash + 1, '/')) != NULL) {
        *slash = '\0';
        rc = mkdir (path_, 0755) == 0 || errno == EEXIST ? 0 : errno;
        *slash = '/';
    }
    return rc;
}

/*  Whole, or not at all.  */
static int write_file (service_t *service_)
{
    char name[PATH_MAX + 40];
    FILE *file;
    int rc = make_directories (service_->path);

    if (rc != 0)
        return rc;
    snprintf (name, sizeof name, "%s.new", service_->path);
    unlink (name);
    file = fopen (name, "wxe");
    if (file == NULL)
        return errno;
    rc = print_to (file, service_);
    if (fclose (file) != 0 || rc != 0 || rename (name, service_->path) != 0) {
        rc = rc == 0 ? errno : rc;
        unlink (name);
    }
    return rc;
}

static int print_file (const service_t *service_)
{
    FILE *const file = fopen (service_->path, "re");
    int c;

    printf ("# %s%s\n", service_->path, file == NULL ? ": not there" : "");
    if (file == NULL)
        return STATUS_NO;
    while ((c = getc (file)) != EOF)
        putchar (c);
    fclose (file);
    return STATUS_YES;
}

/*  What somebody else wrote under that name stays.  */
static bool is_others (const service_t *service_)
{
    FILE *const file = fopen (service_->path, "re");
    char line[80];
    bool ours;

    if (file == NULL)
        return false;
    ours = fgets (line, sizeof line, file) != NULL
           && strncmp (line, first_line, 26) == 0;
    fclose (file);
    return !ours;
}

static int act (service_t *service_)
{
    int rc;

    if (service_->shows)
        return print_file (service_);
    if (is_others (service_))
        return cli_fail (STATUS_NO, service_->path,
                         "it is there, and not this command's");
    if (service_->removes) {
        rc = unlink (service_->path) == 0 ? 0 : errno;
        rmdir (service_->directory); /* if nothing else is in it */
    } else
        rc = write_file (service_);
    if (rc != 0)
        return cli_fail (STATUS_NO, service_->path, "%s", strerror (rc));
    cli_say ("",
             "%s is %s. After systemctl daemon-reload the unit runs on %s "
             "libzmq from its next start on.",
             service_->path, service_->removes ? "gone" : "written",
             service_->removes ? "its own" : "the dual-stack");
    return STATUS_YES;
}

int cli_service (int argc_, char **argv_)
{
    static service_t service = {.root = ""};
    const cli_option_t options[] = {{"remove", &service.removes, NULL},
                                    {"root", NULL, &service.root},
                                    {"show", &service.shows, NULL},
                                    {"words", NULL, &service.words},
                                    {NULL, NULL, NULL}};
    const int count = cli_options (argc_, argv_, options);
    char *library;

    if (count != 1)
        return count < 0
                 ? STATUS_USAGE
                 : cli_usage (STATUS_USAGE, "service", "one unit is wanted");
    service.unit = argv_[1];
    if (!is_unit_name (service.unit))
        return cli_usage (STATUS_USAGE, service.unit, "not a unit's name");
    if (service.words != NULL && strpbrk (service.words, "\"\\%\n") != NULL)
        return cli_usage (STATUS_USAGE, service.words, "not such words");
    library = service.removes ? NULL : library_chosen ("service");
    if (library == NULL && !service.removes)
        return STATUS_NO;
    free (library);
    if (!set_paths (&service))
        return cli_usage (STATUS_USAGE, service.root,
                          "a path that is too long");
    return cli_flush (act (&service));
}
