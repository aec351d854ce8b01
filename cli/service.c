/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack service: a drop-in of systemd.unit(5) that makes one unit run on the
    dual-stack libzmq.  */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "library.h"

const char cli_service_help[] =
  "Usage: zmq-dualstack service UNIT [OPTION]...\n"
  "\n"
  "Makes a systemd unit run on the dual-stack libzmq, from its next start on, "
  "by\n"
  "a file of its own: UNIT.d/zmq-dualstack.conf in /etc/systemd/system. "
  "Nothing\n"
  "else is changed, and `systemctl revert UNIT` undoes it too.\n"
  "\n"
  "  --words WORDS   and with this ZMQ_DUALSTACK\n"
  "  --show          only print the file as it would be, and as it is\n"
  "  --remove        delete it\n"
  "  --root DIR      work on the system below DIR\n"
  "\n"
  "Exit status: 0 if done; 1 if not, or with --show if there is no such file; "
  "2\n"
  "for wrong usage.\n";

typedef struct
{
    const char *unit, *words, *root;
    bool shows, removes;
    char directory[PATH_MAX], path[PATH_MAX], ours[PATH_MAX];
} service_t;

/*  NAME, or NAME.service, of the characters that units have; nothing that leads out
    of the directory.  */
static bool is_unit_name (const char *name_)
{
    const size_t len = strlen (name_);
    size_t i;

    for (i = 0; i < len; i++)
        if (!isalnum ((unsigned char) name_[i])
            && strchr (":-_.\\@", name_[i]) == NULL)
            return false;
    return len > 0 && len < 200 && name_[0] != '.';
}

static bool has_suffix (const char *text_, const char *suffix_)
{
    const size_t len = strlen (text_), suffix_len = strlen (suffix_);

    return len > suffix_len && strcmp (text_ + len - suffix_len, suffix_) == 0;
}

static int set_paths (service_t *service_)
{
    const char *const suffix =
      has_suffix (service_->unit, ".service") ? "" : ".service";
    int len;

    snprintf (service_->directory, sizeof service_->directory,
              "%s/etc/systemd/system/%s%s.d", service_->root, service_->unit,
              suffix);
    len = snprintf (service_->path, sizeof service_->path,
                    "%s/zmq-dualstack.conf", service_->directory);
    return len < (int) sizeof service_->path ? 0 : ENAMETOOLONG;
}

/*  The drop-in's text; NULL without memory.  systemd takes % for a specifier.  */
static char *
compose (const service_t *service_, const char *command_, const char *audit_)
{
    char *text = NULL;
    const char *const words = service_->words;

    if (asprintf (&text,
                  "# Written by zmq-dualstack service; zmq-dualstack service "
                  "--remove, or\n"
                  "# systemctl revert, undoes it.\n"
                  "[Service]\n"
                  "Environment=\"LD_AUDIT=%s\"\n"
                  "Environment=\"ZMQ_DUALSTACK_COMMAND=%s\"\n"
                  "Environment=\"ZDS_LIBDIR=%s\"\n"
                  "%s%s%s",
                  audit_, command_, library_dir (),
                  words == NULL ? "" : "Environment=\"ZMQ_DUALSTACK=",
                  words == NULL ? "" : words, words == NULL ? "" : "\"\n")
        < 0)
        return NULL;
    return text;
}

static int make_directories (const char *path_)
{
    char part[PATH_MAX];
    char *slash = part;

    snprintf (part, sizeof part, "%s", path_);
    while ((slash = strchr (slash + 1, '/')) != NULL) {
        *slash = '\0';
        if (mkdir (part, 0755) != 0 && errno != EEXIST)
            return errno;
        *slash = '/';
    }
    return mkdir (part, 0755) == 0 || errno == EEXIST ? 0 : errno;
}

/*  Whole, or not at all.  */
static int write_file (const service_t *service_, const char *text_)
{
    char name[PATH_MAX + 8];
    const size_t size = strlen (text_);
    int fd, rc;

    rc = make_directories (service_->directory);
    if (rc != 0)
        return rc;
    snprintf (name, sizeof name, "%s.new", service_->path);
    fd =
      open (name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd == -1)
        return errno;
    rc = write (fd, text_, size) == (ssize_t) size ? 0
         : errno == 0                              ? EIO
                                                   : errno;
    if (close (fd) != 0 || rc != 0 || rename (name, service_->path) != 0) {
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

static void say (const service_t *service_, const char *what_)
{
    char text[PATH_MAX + 200];

    snprintf (text, sizeof text, "%s %s", service_->path, what_);
    cli_wrap ("", text, cli_width ());
}

static int remove_file (const service_t *service_)
{
    if (unlink (service_->path) != 0)
        return cli_fail (STATUS_NO, service_->path, strerror (errno));
    rmdir (service_->directory); /* if nothing else is in it */
    say (service_,
         "is gone. After systemctl daemon-reload the unit runs on its "
         "own libzmq from its next start on.");
    return STATUS_YES;
}

/*  What somebody else wrote under that name stays.  */
static bool is_others (const service_t *service_)
{
    FILE *const file = fopen (service_->path, "re");
    char line[80] = "";

    if (file == NULL)
        return false;
    if (fgets (line, sizeof line, file) == NULL)
        line[0] = '\0';
    fclose (file);
    return strncmp (line, "# Written by zmq-dualstack", 26) != 0;
}

static int put_file (const service_t *service_)
{
    char *const command = realpath ("/proc/self/exe", NULL);
    char *const library = library_chosen ("service");
    char *const audit = library_audit ();
    char *text = NULL;
    int rc, status = STATUS_NO;

    if (library != NULL && audit == NULL)
        cli_fail (0, "service", "audit.so is missing");
    if (command != NULL && library != NULL && audit != NULL)
        text = compose (service_, command, audit);
    if (text != NULL && service_->shows) {
        printf ("%s\n", text);
        status = print_file (service_);
    } else if (text != NULL) {
        rc = write_file (service_, text);
        if (rc != 0)
            cli_fail (0, service_->path, strerror (rc));
        else {
            say (service_, "is written. After systemctl daemon-reload the unit "
                           "runs on the dual-stack libzmq from its next start "
                           "on.");
            status = STATUS_YES;
        }
    }
    free (text);
    free (audit);
    free (library);
    free (command);
    return status;
}

static int act (service_t *service_)
{
    if (!is_unit_name (service_->unit))
        return cli_usage (STATUS_USAGE, service_->unit, "not a unit's name");
    if (service_->words != NULL && strpbrk (service_->words, "\"\\%\n") != NULL)
        return cli_usage (STATUS_USAGE, service_->words, "not such words");
    if (set_paths (service_) != 0)
        return cli_usage (STATUS_USAGE, service_->root,
                          "a path that is too long");
    if (!service_->shows && is_others (service_))
        return cli_fail (STATUS_NO, service_->path,
                         "it is there, and not this command's");
    return service_->removes ? remove_file (service_) : put_file (service_);
}

int cli_service (int argc_, char **argv_)
{
    static const struct option options[] = {
      {"help", no_argument, NULL, 'h'},
      {"remove", no_argument, NULL, 'd'},
      {"root", required_argument, NULL, 'r'},
      {"show", no_argument, NULL, 's'},
      {"words", required_argument, NULL, 'w'},
      {NULL, 0, NULL, 0}};
    static char name[] = "zmq-dualstack: service";
    static service_t service = {.root = ""};
    int option;

    argv_[0] = name;
    while ((option = getopt_long (argc_, argv_, "h", options, NULL)) != -1)
        switch (option) {
            case 'd':
                service.removes = true;
                break;
            case 'r':
                service.root = optarg;
                break;
            case 's':
                service.shows = true;
                break;
            case 'w':
                service.words = optarg;
                break;
            case 'h':
                fputs (cli_service_help, stdout);
                return cli_flush (STATUS_YES);
            default:
                fputs ("Try 'zmq-dualstack service --help'.\n", stderr);
                return STATUS_USAGE;
        }
    if (argc_ - optind != 1)
        return cli_usage (STATUS_USAGE, "service", "one unit is wanted");
    service.unit = argv_[optind];
    return cli_flush (act (&service));
}
