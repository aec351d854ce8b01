/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack service: a drop-in of systemd.unit(5) that makes one unit run on the
    dual-stack libzmq.  */

#include "cli.h"

#include <ctype.h>

#include "zds_settings.h"

const char cli_service_help[] =
  "Usage: zmq-dualstack service UNIT [OPTION]...\n"
  "\n"
  "Makes a systemd unit run on the dual-stack libzmq, from its next start on,\n"
  "by a file of its own, UNIT.d/zmq-dualstack.conf in /etc/systemd/system.\n"
  "Nothing else is changed, and `systemctl revert UNIT` undoes it too.\n"
  "\n"
  "  --words WORDS   set its ZMQ_DUALSTACK to these words\n"
  "  --show          only print that file, if it is there\n"
  "  --remove        delete it\n"
  "  --root DIR      work on the system below DIR\n";

static const char first_line[] =
  "# Written by zmq-dualstack service; --remove or systemctl revert undoes it.";

static const char *unit, *words, *root;
static int shows, removes;
static char *directory, *path;

/*  Whether it is NAME, or NAME.service, of the characters that units' names have, and
    leads to no other directory.  */
static bool is_unit_name (const char *name_)
{
    const char *at = name_;

    while (isalnum ((unsigned char) *at)
           || (*at != '\0' && strchr (":-_.\\@", *at) != NULL))
        at++;
    return *at == '\0' && at > name_ && at - name_ < 200 && name_[0] != '.';
}

static void set_paths (void)
{
    const char *const dot = strrchr (unit, '.');
    const bool whole = dot != NULL && strcmp (dot, ".service") == 0;

    directory = cli_text ("%s/etc/systemd/system/%s%s.d", root, unit,
                          whole ? "" : ".service");
    path = cli_text ("%s/zmq-dualstack.conf", directory);
}

/*  The drop-in.  */
static int print_to (FILE *file_)
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
        if (words != NULL)
            fprintf (file_, "Environment=\"ZMQ_DUALSTACK=%s\"\n", words);
        rc = fflush (file_) == 0 ? 0 : errno;
    }
    free (audit);
    free (command);
    return rc;
}

static int make_directories (void)
{
    char *slash = path;
    int rc = 0;

    while (rc == 0 && (slash = strchr (slash + 1, '/')) != NULL) {
        *slash = '\0';
        rc = mkdir (path, 0755) == 0 || errno == EEXIST ? 0 : errno;
        *slash = '/';
    }
    return rc;
}

/*  Writes the whole file, or nothing.  */
static int write_file (void)
{
    char *const name = cli_text ("%s.new", path);
    FILE *file = NULL;
    int rc = make_directories ();

    if (rc == 0) {
        unlink (name);
        file = fopen (name, "wxe");
        rc = file == NULL ? errno : print_to (file);
    }
    if (file != NULL
        && (fclose (file) != 0 || rc != 0 || rename (name, path) != 0)) {
        rc = rc == 0 ? errno : rc;
        unlink (name);
    }
    free (name);
    return rc;
}

static int print_file (void)
{
    FILE *const file = fopen (path, "re");
    int c;

    printf ("# %s%s\n", path, file == NULL ? ": not there" : "");
    if (file == NULL)
        return STATUS_NO;
    while ((c = getc (file)) != EOF)
        putchar (c);
    fclose (file);
    return STATUS_YES;
}

/*  Whether somebody else wrote the file of that name, which then stays.  */
static bool is_others (void)
{
    FILE *const file = fopen (path, "re");
    char line[80] = "";

    if (file == NULL)
        return false;
    if (fgets (line, sizeof line, file) == NULL)
        line[0] = '\0';
    fclose (file);
    return strncmp (line, first_line, 26) != 0;
}

static int act (void)
{
    int rc;

    if (shows)
        return print_file ();
    if (is_others ())
        return cli_fail (STATUS_NO, path,
                         "it is there, and not this command's");
    if (removes) {
        rc = unlink (path) == 0 ? 0 : errno;
        rmdir (directory); /* if nothing else is in it */
    } else
        rc = write_file ();
    if (rc != 0)
        return cli_fail (STATUS_NO, path, "%s", strerror (rc));
    cli_say ("",
             "%s is %s. After systemctl daemon-reload the unit runs on %s "
             "libzmq from its next start on.",
             path, removes ? "gone" : "written",
             removes ? "its own" : "the dual-stack");
    return STATUS_YES;
}

int cli_service (int argc_, char **argv_)
{
    static const struct option options[] = {
      {"remove", no_argument, &removes, 1},
      {"root", required_argument, NULL, 0},
      {"show", no_argument, &shows, 1},
      {"words", required_argument, NULL, 1},
      {NULL, 0, NULL, 0}};
    const char *texts[] = {"", NULL};
    const int count = cli_options (argc_, argv_, options, texts);
    zds_settings_t settings;
    char complaint[200] = "";

    root = texts[0];
    words = texts[1];
    if (count < 0)
        return STATUS_USAGE;
    if (count != 1)
        return cli_usage (STATUS_USAGE, "service", "one unit is wanted");
    unit = argv_[1];
    if (!is_unit_name (unit))
        return cli_usage (STATUS_USAGE, unit, "not a unit's name");
    zds_settings_words (&settings, words, complaint, sizeof complaint);
    if (words != NULL && strpbrk (words, "\"\\%\n") != NULL)
        strcpy (complaint, "not such words");
    if (complaint[0] != '\0')
        return cli_usage (STATUS_USAGE, words, complaint);
    if (!removes && !library_exists ("service"))
        return STATUS_NO;
    set_paths ();
    return cli_flush (act ());
}
