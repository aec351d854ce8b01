/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack run, and choose, which it calls itself by.  */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli.h"
#include "library.h"
#include "zds_host.h"

/*  Exit statuses of a command that runs another one, as env(1) has them.  */
enum
{
    EXIT_USAGE = 125,
    EXIT_CANNOT_RUN = 126,
    EXIT_NOT_FOUND = 127,
    MAX_INTERPRETERS = 4
};

const char cli_run_help[] =
  "Usage: zmq-dualstack run [--preload[=VERSION]] [--] PROGRAM [ARG]...\n"
  "\n"
  "Runs PROGRAM, unmodified, on the dual-stack libzmq, in place of the "
  "system's\n"
  "or of one that it brought along, of the same version: where there is no "
  "build\n"
  "of that version it says so and does not run PROGRAM on another one. "
  "Programs\n"
  "that it starts run on it too. The exit status is PROGRAM's; 125 for wrong "
  "usage\n"
  "or what cannot be done, 126 if PROGRAM cannot be run, 127 if there is no "
  "such\n"
  "program.\n"
  "\n"
  "  --preload[=VERSION]  put the build ahead of a libzmq that is linked into\n"
  "                       PROGRAM or an add-on of it and exports its calls\n"
  "\n"
  "Environment:\n"
  "  ZMQ_DUALSTACK  settings (see zmq-dualstack.conf(5)); off: no dual stack\n"
  "  ZDS_LIBDIR     directory of the builds: libzmq.so.5 and\n"
  "                 zmq-dualstack/VERSION/libzmq.so.5\n";

#if UINTPTR_MAX > 0xffffffffu
typedef Elf64_Ehdr elf_t;
typedef Elf64_Phdr segment_t;
#else
typedef Elf32_Ehdr elf_t;
typedef Elf32_Phdr segment_t;
#endif

/*  --- what cannot be run on another libzmq --------------------------------------  */

static int refuse (const char *path_, const char *why_)
{
    return cli_fail (EXIT_USAGE, path_, why_);
}

/*  Programs that run with more rights than who starts them hear nothing of his
    environment.  */
static bool is_privileged (int fd_, const struct stat *about_)
{
    return ((about_->st_mode & S_ISUID) != 0 && about_->st_uid != getuid ())
           || ((about_->st_mode & S_ISGID) != 0 && about_->st_gid != getgid ())
           || (getuid () != 0
               && fgetxattr (fd_, "security.capability", NULL, 0) > 0);
}

/*  The program header of a type; false: there is none.  */
static bool find_header (const char *image_,
                         size_t size_,
                         uint32_t type_,
                         segment_t *header_)
{
    elf_t elf;
    unsigned i;

    memcpy (&elf, image_, sizeof elf);
    for (i = 0; i < elf.e_phnum; i++) {
        const size_t at = elf.e_phoff + (size_t) i * elf.e_phentsize;
        if (at > size_ || size_ - at < sizeof *header_)
            return false;
        memcpy (header_, image_ + at, sizeof *header_);
        if (header_->p_type == type_)
            return true;
    }
    return false;
}

/*  Why an ELF file gets no other library by the dynamic linker; NULL if it does.  */
static const char *check_elf (const char *image_, size_t size_)
{
    segment_t header;

    if (size_ < sizeof (elf_t))
        return "it is no program";
    if (image_[EI_CLASS] != (sizeof (void *) == 8 ? ELFCLASS64 : ELFCLASS32))
        return "it is for another kind of processor than this command, and no "
               "libzmq of ours fits it";
    if (!find_header (image_, size_, PT_INTERP, &header))
        return "it is statically linked: no other library reaches it";
    if (header.p_offset < size_
        && memmem (image_ + header.p_offset, size_ - header.p_offset, "ld-musl",
                   7)
             != NULL
        && header.p_filesz < size_ - header.p_offset
        && memmem (image_ + header.p_offset, header.p_filesz, "ld-musl", 7)
             != NULL)
        return "it is linked with musl, and this libzmq is not";
    return NULL;
}

static int check_program (const char *path_, unsigned depth_);

/*  A script is run by the program that its first line names.  */
static int check_script (char *line_, unsigned depth_)
{
    char *const name = line_ + strspn (line_, " \t");

    name[strcspn (name, " \t\n")] = '\0';
    return depth_ == 0 || name[0] == '\0' ? 0
                                          : check_program (name, depth_ - 1);
}

static int check_program (const char *path_, unsigned depth_)
{
    static char image[1 << 16];
    const int fd = open (path_, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat about;
    ssize_t size;
    const char *why = NULL;
    int rc = 0;

    if (fd == -1) /* exec has the last word */
        return 0;
    size = read (fd, image, sizeof image - 1);
    if (fstat (fd, &about) == 0 && S_ISREG (about.st_mode) && size > 2) {
        image[size] = '\0';
        if (memcmp (image, "#!", 2) == 0)
            rc = check_script (image + 2, depth_);
        else if (memcmp (image, ELFMAG, SELFMAG) == 0) {
            why = is_privileged (fd, &about)
                    ? "it is set-user-ID or has file capabilities, and the "
                      "dynamic linker lets nobody change its libraries: "
                      "install the dual-stack libzmq5 for it"
                    : check_elf (image, (size_t) size);
            rc = why == NULL ? 0 : refuse (path_, why);
        }
    }
    close (fd);
    return rc;
}

/*  As execvp looks for it.  */
static int check_in_path (const char *name_)
{
    const char *path = getenv ("PATH");
    char file[PATH_MAX];

    if (strchr (name_, '/') != NULL)
        return check_program (name_, MAX_INTERPRETERS);
    while (path != NULL && *path != '\0') {
        const size_t len = strcspn (path, ":");
        snprintf (file, sizeof file, "%.*s/%s", (int) len, path, name_);
        if (access (file, X_OK) == 0)
            return check_program (file, MAX_INTERPRETERS);
        path += len + (path[len] == ':');
    }
    return 0;
}

/*  --- the library ---------------------------------------------------------------  */

/*  Puts a file ahead of those that the dynamic linker's variable names.  */
static int put_ahead (const char *variable_, const char *path_)
{
    const char *const others = getenv (variable_);
    char *value = NULL;
    int rc;

    if (strpbrk (path_, ": \t\n") != NULL)
        return refuse (path_, "colon or blank in the path");
    rc = asprintf (&value, "%s%s%s", path_,
                   others != NULL && others[0] != '\0' ? ":" : "",
                   others == NULL ? "" : others);
    if (rc < 0 || setenv (variable_, value, 1) != 0)
        return cli_fail (EXIT_USAGE, "run", strerror (errno));
    free (value);
    return 0;
}

static int put_audit (void)
{
    char *const command = realpath ("/proc/self/exe", NULL);
    char *const audit = library_audit ();
    int rc;

    if (audit == NULL || command == NULL)
        rc = cli_fail (EXIT_USAGE, "run", "zmq-dualstack/audit.so is missing");
    else if (setenv ("ZMQ_DUALSTACK_COMMAND", command, 1) != 0
             || setenv ("ZDS_LIBDIR", library_dir (), 1) != 0)
        rc = cli_fail (EXIT_USAGE, "run", strerror (errno));
    else
        rc = put_ahead ("LD_AUDIT", audit);
    free (audit);
    free (command);
    return rc;
}

static int put_preload (const char *version_)
{
    char *const build = library_build (version_, false);
    int rc;

    if (build == NULL)
        return cli_fail (EXIT_USAGE, version_ == NULL ? "run" : version_,
                         "there is no dual-stack build of that version");
    rc = put_ahead ("LD_PRELOAD", build);
    free (build);
    return rc;
}

int cli_run (int argc_, char **argv_)
{
    static const char preload[] = "--preload";
    char *library;
    int rc = 0;

    (void) argc_;
    library = library_chosen ("run");
    if (library == NULL)
        return EXIT_USAGE;
    free (library);
    argv_++;
    if (argv_[0] != NULL
        && strncmp (argv_[0], preload, sizeof preload - 1) == 0) {
        const char *const version = argv_[0] + sizeof preload - 1;
        if (version[0] != '\0' && version[0] != '=')
            return cli_usage (EXIT_USAGE, argv_[0], "no such option");
        rc = put_preload (version[0] == '=' ? version + 1 : NULL);
        argv_++;
    }
    if (argv_[0] != NULL && strcmp (argv_[0], "--") == 0)
        argv_++;
    if (argv_[0] == NULL)
        return cli_usage (EXIT_USAGE, "run", "no program given");
    if (rc == 0)
        rc = check_in_path (argv_[0]);
    if (rc == 0)
        rc = put_audit ();
    if (rc != 0)
        return rc;
    if (zds_host_settings (ZDS_SETTINGS_FILE).off)
        fputs ("zmq-dualstack: off, by ZMQ_DUALSTACK or " ZDS_SETTINGS_FILE
               ": IPv4 only\n",
               stderr);
    execvp (argv_[0], argv_);
    return cli_fail (errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN,
                     argv_[0], strerror (errno));
}

/*  --- choose --------------------------------------------------------------------  */

static bool is_called_libzmq (const char *path_)
{
    const char *const slash = strrchr (path_, '/');

    return strncmp (slash == NULL ? path_ : slash + 1, "libzmq", 6) == 0;
}

/*  A libzmq of one's own that no file stands for.  */
static int name_built_in (const char *path_)
{
    char version[32] = "", text[300];

    library_ask_version (path_, version, sizeof version);
    snprintf (text, sizeof text,
              "libzmq %s is linked into it: zmq-dualstack run --preload=%s "
              "reaches it if it exports what it calls",
              version[0] == '\0' ? "of an unknown version" : version,
              version[0] == '\0' ? "VERSION" : version);
    return cli_fail (0, path_, text);
}

/*  Prints the file to load in place of this one; nothing: itself.  */
int cli_choose (int argc_, char **argv_)
{
    const char *const path = argc_ == 2 ? argv_[1] : "";
    library_t about;
    char version[32] = "", text[300];
    char *build;

    if (library_read (&about, path) != 0 || !about.is_libzmq || about.is_ours)
        return 0;
    if (!is_called_libzmq (path))
        return name_built_in (path);
    if (!library_ask_version (path, version, sizeof version))
        return cli_fail (EXIT_USAGE, path,
                         "its version cannot be found out, and it is not "
                         "replaced by another");
    build = library_build (version, about.has_drafts);
    if (build == NULL) {
        snprintf (
          text, sizeof text,
          "this is libzmq %s%s, and there is no dual-stack build of that "
          "version in %.100s: not run on another one",
          version, about.has_drafts ? " with drafts" : "", library_dir ());
        return cli_fail (EXIT_USAGE, path, text);
    }
    fputs (build, stdout);
    free (build);
    return cli_flush (0);
}
