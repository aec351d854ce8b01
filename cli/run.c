/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack run, and choose, which audit.c calls.  */

#include "cli.h"

#include <dlfcn.h>
#include <sys/xattr.h>

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
  "Runs PROGRAM, unmodified, on the dual-stack build of the libzmq that it\n"
  "would load, the system's or its own. If there is no build of that version,\n"
  "it says so, and does not run PROGRAM on another one.\n"
  "\n"
  "  --preload[=VERSION]  put the build ahead of a libzmq that is linked\n"
  "                       into PROGRAM or an add-on and exports its calls\n";

/*  --- what cannot be run on another libzmq --------------------------------------  */

/*  Programs that run with more rights than the user who starts them do not heed that
    user's environment.  */
static bool is_privileged (const char *path_, const struct stat *about_)
{
    return ((about_->st_mode & S_ISUID) != 0 && about_->st_uid != getuid ())
           || ((about_->st_mode & S_ISGID) != 0 && about_->st_gid != getgid ())
           || (getuid () != 0
               && getxattr (path_, "security.capability", NULL, 0) > 0);
}

static const char privileged[] =
  "it is set-user-ID or has file capabilities, and the dynamic linker lets "
  "nobody change its libraries: install the dual-stack libzmq5 for it";

/*  The dynamic linker that an ELF file wants, if it wants one.  */
static void read_linker (const image_t *image_, char *name_, size_t size_)
{
    ELF (Ehdr) elf;
    ELF (Phdr) header;
    size_t i;

    image_take (image_, 0, &elf, sizeof elf);
    for (i = 0; i < elf.e_phnum; i++)
        if (image_take (image_, elf.e_phoff + i * elf.e_phentsize, &header,
                        sizeof header)
            && header.p_type == PT_INTERP) {
            if (header.p_filesz < size_)
                size_ = header.p_filesz;
            image_take (image_, header.p_offset, name_, size_);
            return;
        }
}

/*  Why the dynamic linker cannot give an ELF file another library; NULL if it
    can.  */
static const char *check_elf (const image_t *image_, const char *path_)
{
    char linker[PATH_MAX + 1] = "";

    if (is_privileged (path_, &image_->about))
        return privileged;
    if (image_->size < sizeof (ELF (Ehdr)))
        return "it is no program";
    if (image_->at[EI_CLASS] != ELF_CLASS)
        return "it is for another kind of processor than this command, and no "
               "libzmq of ours fits it";
    read_linker (image_, linker, sizeof linker - 1);
    if (linker[0] == '\0')
        return "it is statically linked: no other library reaches it";
    return strstr (linker, "ld-musl") == NULL
             ? NULL
             : "it is linked with musl, which has no LD_AUDIT";
}

/*  A script is run by the program that its first line names, and so on.  */
static int check_program (const char *path_, unsigned depth_)
{
    char line[PATH_MAX] = "", *name = line;
    const char *why = NULL;
    image_t image;

    /*  If the file cannot be read, its mode still can, and exec has the last
        word.  */
    if (image_open (&image, path_) != 0) {
        if (stat (path_, &image.about) == 0
            && is_privileged (path_, &image.about))
            why = privileged;
    } else if (image.size >= SELFMAG) {
        image_take (&image, 0, line,
                    image.size < sizeof line ? image.size : sizeof line - 1);
        if (memcmp (line, ELFMAG, SELFMAG) == 0)
            why = check_elf (&image, path_);
        else if (memcmp (line, "#!", 2) == 0)
            name += 2 + strspn (line + 2, " \t");
    }
    image_close (&image);
    name[strcspn (name, " \t\n")] = '\0';
    if (name > line && name[0] != '\0' && depth_ > 0)
        return check_program (name, depth_ - 1);
    return why == NULL ? 0 : cli_fail (EXIT_USAGE, path_, "%s", why);
}

/*  Checks the program that execvp would find.  */
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
    const bool alone = others == NULL || others[0] == '\0';
    char *value;
    int rc;

    /*  A colon separates files; LD_PRELOAD's, a blank too.  */
    if (strpbrk (path_, variable_[3] == 'A' ? ":" : ": \t\n") != NULL)
        return cli_fail (EXIT_USAGE, path_, "colon or blank in the path");
    value = cli_text ("%s%s%s", path_, alone ? "" : ":", alone ? "" : others);
    rc = setenv (variable_, value, 1);
    free (value);
    return rc == 0 ? 0 : cli_fail (EXIT_USAGE, "run", "%s", strerror (errno));
}

static int put_audit (void)
{
    char *command, *audit;
    int rc = EXIT_USAGE;

#ifndef __GLIBC__
    return cli_fail (rc, "run",
                     "this system's C library has no LD_AUDIT, by which a "
                     "program gets another libzmq");
#endif
    if (library_audit (&command, &audit)) {
        setenv ("ZMQ_DUALSTACK_COMMAND", command, 1);
        setenv ("ZDS_LIBDIR", library_dir (), 1);
        rc = put_ahead ("LD_AUDIT", audit);
    }
    free (audit);
    free (command);
    return rc;
}

/*  Does what --preload[=VERSION] says, if the word is that.  */
static int put_preload (const char *word_)
{
    const char *const version = word_[9] == '=' ? word_ + 10 : NULL;
    char *build;
    int rc;

    if (word_[9] != '\0' && version == NULL)
        return cli_usage (EXIT_USAGE, word_, "no such option");
    build = library_build (version, false);
    rc = build == NULL
           ? cli_fail (EXIT_USAGE, word_,
                       "there is no dual-stack build of that version in %s",
                       library_dir ())
           : put_ahead ("LD_PRELOAD", build);
    free (build);
    return rc;
}

int cli_run (int argc_, char **argv_)
{
    int rc = library_exists ("run") ? 0 : EXIT_USAGE;

    (void) argc_;
    argv_++;
    if (rc == 0 && argv_[0] != NULL && strncmp (argv_[0], "--preload", 9) == 0)
        rc = put_preload (*argv_++);
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
                     argv_[0], "%s", strerror (errno));
}

/*  --- choose --------------------------------------------------------------------  */

/*  Finds out the version of a libzmq of the user's own programs, by loading it.  */
static bool ask_version (const char *path_, char *version_, size_t size_)
{
    void *const handle = dlopen (path_, RTLD_LAZY | RTLD_LOCAL);
    void *const symbol = handle == NULL ? NULL : dlsym (handle, "zmq_version");
    void (*ask) (int *, int *, int *);
    int major = 0, minor = 0, patch = 0;

    if (symbol == NULL)
        return false;
    memcpy (&ask, &symbol, sizeof symbol);
    ask (&major, &minor, &patch);
    snprintf (version_, size_, "%d.%d.%d", major, minor, patch);
    return true;
}

/*  Prints the file to load in place of this one, which may be the same.  */
int cli_choose (int argc_, char **argv_)
{
    const char *const path = argc_ == 2 ? argv_[1] : "";
    char version[40] = "VERSION";
    library_t about;
    char *build;
    bool known;

    if (library_read (&about, path) != 0 || !about.is_libzmq || about.is_ours) {
        fputs (path, stdout);
        return cli_flush (0);
    }
    known = ask_version (path, version, sizeof version);
    if (!library_is_called_so (path)) {
        fputs (path, stdout);
        return cli_flush (
          cli_fail (0, path,
                    "libzmq is linked into it: zmq-dualstack run --preload=%s "
                    "reaches it if it exports what it calls",
                    version));
    }
    if (!known)
        return cli_fail (EXIT_USAGE, path,
                         "its version cannot be found out, and it is not "
                         "replaced by another");
    build = library_build (version, about.has_drafts);
    if (build == NULL)
        return cli_fail (EXIT_USAGE, path,
                         "this is libzmq %s%s, and there is no dual-stack "
                         "build of that version in %s: not run on another one",
                         version, about.has_drafts ? " with drafts" : "",
                         library_dir ());
    fputs (build, stdout);
    free (build);
    return cli_flush (0);
}
