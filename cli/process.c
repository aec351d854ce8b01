/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "process.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zds_host.h"

enum
{
    NAME_SIZE = 64,
    /*  Linux has no path of more than PATH_MAX, plus what stands before it.  */
    PROC_PATH_SIZE = PATH_MAX + NAME_SIZE
};

static void
proc_name (char *text_, const process_t *process_, const char *file_)
{
    snprintf (text_, NAME_SIZE, "/proc/%ld/%s", process_->pid, file_);
}

/*  The file as the process sees it.  */
static void
proc_root (char *text_, const process_t *process_, const char *path_)
{
    snprintf (text_, PROC_PATH_SIZE, "/proc/%ld/root%s", process_->pid, path_);
}

static int check_exists (const process_t *process_)
{
    char name[NAME_SIZE];
    struct stat about;

    if (stat ("/proc/self/maps", &about) != 0)
        return ENOSYS;
    proc_name (name, process_, "");
    return stat (name, &about) == 0 ? 0 : ESRCH;
}

static int read_program (process_t *process_)
{
    char name[NAME_SIZE], target[PATH_MAX + 1];
    ssize_t len;

    proc_name (name, process_, "exe");
    len = readlink (name, target, sizeof target - 1);
    if (len < 0)
        return errno == EPERM ? EACCES : errno;
    target[len] = '\0';
    process_->program = strdup (target);
    return process_->program == NULL ? ENOMEM : 0;
}

/*  The environment.  */

static int keep (char **to_, const char *word_, const char *name_)
{
    const size_t len = strlen (name_);

    if (strncmp (word_, name_, len) != 0 || *to_ != NULL)
        return 0;
    *to_ = strdup (word_ + len);
    return *to_ == NULL ? ENOMEM : 0;
}

static int read_environment (process_t *process_)
{
    char name[NAME_SIZE], *word = NULL;
    size_t room = 0;
    FILE *file;
    int rc = 0;

    proc_name (name, process_, "environ");
    file = fopen (name, "re");
    if (file == NULL)
        return 0;
    while (rc == 0 && getdelim (&word, &room, '\0', file) > 0) {
        rc = keep (&process_->preload, word, "LD_PRELOAD=");
        if (rc == 0)
            rc = keep (&process_->settings, word, "ZMQ_DUALSTACK=");
    }
    process_->env_known = !ferror (file);
    free (word);
    fclose (file);
    return rc;
}

#if UINTPTR_MAX > 0xffffffffu
typedef Elf64_auxv_t auxv_t;
#else
typedef Elf32_auxv_t auxv_t;
#endif

/*  Whether the kernel told the program to trust nobody (AT_SECURE).  */
static bool read_privileges (const process_t *process_)
{
    char name[NAME_SIZE];
    auxv_t entry;
    bool secure = false;
    FILE *file;

    proc_name (name, process_, "auxv");
    file = fopen (name, "re");
    while (file != NULL && fread (&entry, sizeof entry, 1, file) == 1)
        if (entry.a_type == AT_SECURE)
            secure = entry.a_un.a_val != 0;
    if (file != NULL)
        fclose (file);
    return secure;
}

/*  The file as the process sees it, then its environment: as zds_host_settings.  */
static void read_settings (process_t *process_)
{
    char name[PROC_PATH_SIZE], title[NAME_SIZE] = "", complaint[8] = "";
    zds_settings_t plain;
    const char *slash, *why;
    char *text;
    FILE *file;

    zds_settings_default (&process_->in_force);
    plain = process_->in_force;
    proc_root (name, process_, ZDS_SETTINGS_FILE);
    text = zds_host_settings_text (name, &why);
    proc_name (name, process_, "comm");
    file = fopen (name, "re");
    if (file != NULL) {
        if (fgets (title, sizeof title, file) != NULL)
            title[strcspn (title, "\n")] = '\0';
        fclose (file);
    }
    slash = process_->program == NULL ? NULL : strrchr (process_->program, '/');
    if (text != NULL)
        zds_settings_file (
          &process_->in_force, text, slash == NULL ? NULL : slash + 1,
          process_->is_privileged ? NULL : title, complaint, sizeof complaint);
    free (text);
    process_->file_counts =
      memcmp (&plain, &process_->in_force, sizeof plain) != 0;
    if (!process_->is_privileged)
        zds_settings_words (&process_->in_force, process_->settings, complaint,
                            sizeof complaint);
}

/*  Libraries.  */

static bool
is_same_file (const process_t *process_, const char *a_, const char *b_)
{
    char name[PROC_PATH_SIZE];
    struct stat a, b;

    proc_root (name, process_, a_);
    if (stat (name, &a) != 0)
        return strcmp (a_, b_) == 0;
    proc_root (name, process_, b_);
    return stat (name, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/*  LD_PRELOAD's names are separated by colons and blanks.  A name without a slash
    is searched for; then the file's name has to do.  */
static bool is_preloaded (const process_t *process_, const char *path_)
{
    char *list, *word, *rest = NULL;
    const char *slash = strrchr (path_, '/');
    bool found = false;

    if (process_->preload == NULL)
        return false;
    list = strdup (process_->preload);
    if (list == NULL)
        return false;
    for (word = strtok_r (list, ": ", &rest); word != NULL && !found;
         word = strtok_r (NULL, ": ", &rest))
        found = word[0] == '/' ? is_same_file (process_, word, path_)
                               : slash != NULL && strcmp (slash + 1, word) == 0;
    free (list);
    return found;
}

static bool is_known (const process_t *process_, const char *path_)
{
    size_t i;

    for (i = 0; i < process_->library_count; i++)
        if (strcmp (process_->library[i].path, path_) == 0)
            return true;
    return false;
}

/*  First as the kernel has it mapped, which works for deleted files too but is for
    the privileged; then by its name.  */
static int read_mapped (library_t *about_,
                        const process_t *process_,
                        const char *range_,
                        const char *path_)
{
    char name[PROC_PATH_SIZE];

    snprintf (name, sizeof name, "/proc/%ld/map_files/%s", process_->pid,
              range_);
    if (library_read (about_, name) == 0)
        return 0;
    proc_root (name, process_, path_);
    return library_read (about_, name);
}

static int add_library (process_t *process_,
                        const char *path_,
                        const library_t *about_,
                        bool is_unread_)
{
    const size_t count = process_->library_count;
    process_library_t *more =
      realloc (process_->library, (count + 1) * sizeof *more);
    process_library_t *one;

    if (more == NULL)
        return ENOMEM;
    process_->library = more;
    one = &more[count];
    memset (one, 0, sizeof *one);
    one->path = strdup (path_);
    if (one->path == NULL)
        return ENOMEM;
    one->about = *about_;
    one->is_unread = is_unread_;
    one->is_preloaded = is_preloaded (process_, path_);
    one->is_program =
      process_->program != NULL && strcmp (process_->program, path_) == 0;
    one->is_deleted = strstr (path_, " (deleted)") != NULL;
    process_->library_count++;
    return 0;
}

static bool is_called_libzmq (const char *path_)
{
    const char *slash = strrchr (path_, '/');

    return strncmp (slash == NULL ? path_ : slash + 1, "libzmq", 6) == 0;
}

/*  What was found out of a file, by its device and number: most processes have most
    libraries in common.  */
typedef struct
{
    char file[NAME_SIZE];
    library_t about;
    int rc;
} examined_t;

static int examine (library_t *about_,
                    const process_t *process_,
                    const char *range_,
                    const char *file_,
                    const char *path_)
{
    static examined_t *known;
    static size_t count, room;
    size_t i;

    for (i = count; i-- > 0;)
        if (strcmp (known[i].file, file_) == 0) {
            *about_ = known[i].about;
            return known[i].rc;
        }
    if (count == room) {
        examined_t *const more = realloc (known, (room + 256) * sizeof *known);
        if (more == NULL)
            return read_mapped (about_, process_, range_, path_);
        known = more;
        room += 256;
    }
    snprintf (known[count].file, sizeof known[count].file, "%s", file_);
    known[count].rc =
      read_mapped (&known[count].about, process_, range_, path_);
    *about_ = known[count].about;
    return known[count++].rc;
}

/*  A line of maps: RANGE PERMISSIONS OFFSET DEVICE INODE PATH.  Paths that were seen
    before are skipped; '*last_' is the one of the line before.  */
static int take_mapping (process_t *process_, char *line_, char **last_)
{
    char range[NAME_SIZE], permissions[8], device[16], inode[24];
    char file[NAME_SIZE];
    library_t about;
    int path_at = 0;
    char *path;
    int rc;

    line_[strcspn (line_, "\n")] = '\0';
    if (sscanf (line_, "%63s %7s %*s %15s %23s %n", range, permissions, device,
                inode, &path_at)
          != 4
        || path_at == 0 || line_[path_at] != '/' || permissions[2] != 'x')
        return 0;
    path = line_ + path_at;
    if (is_known (process_, path)
        || (*last_ != NULL && strcmp (*last_, path) == 0))
        return 0;
    free (*last_);
    *last_ = strdup (path);
    snprintf (file, sizeof file, "%s %s", device, inode);
    rc = examine (&about, process_, range, file, path);
    if (about.is_libzmq || (rc != 0 && is_called_libzmq (path)))
        return add_library (process_, path, &about, rc != 0);
    return 0;
}

static int read_libraries (process_t *process_)
{
    char name[NAME_SIZE], *line = NULL, *last = NULL;
    size_t room = 0;
    FILE *file;
    int rc = 0;

    proc_name (name, process_, "maps");
    file = fopen (name, "re");
    if (file == NULL)
        return errno == EPERM ? EACCES : errno;
    errno = 0;
    while (rc == 0 && getline (&line, &room, file) > 0)
        rc = take_mapping (process_, line, &last);
    if (rc == 0 && ferror (file))
        rc = EACCES;
    free (line);
    free (last);
    fclose (file);
    return rc;
}

/*  The dynamic linker finds a symbol in the program first, then in what was
    preloaded, then in the others.  Of several others it depends on who asks.  */
const process_library_t *process_library_in_use (const process_t *process_)
{
    const process_library_t *preloaded = NULL;
    size_t i;

    if (process_->library_count == 1)
        return &process_->library[0];
    for (i = 0; i < process_->library_count; i++) {
        if (process_->library[i].is_program)
            return &process_->library[i];
        if (process_->library[i].is_preloaded && preloaded == NULL)
            preloaded = &process_->library[i];
    }
    return preloaded;
}

int process_read (process_t *process_, long pid_)
{
    int rc;

    memset (process_, 0, sizeof *process_);
    process_->pid = pid_;
    rc = check_exists (process_);
    if (rc == 0)
        rc = read_program (process_);
    if (rc == 0)
        rc = read_environment (process_);
    if (rc == 0)
        rc = read_libraries (process_);
    process_->is_privileged = read_privileges (process_);
    read_settings (process_);
    if (rc == 0)
        rc = process_read_sockets (process_);
    return rc == ENOENT ? ESRCH : rc;
}

void process_library_version (const process_library_t *library_,
                              char *version_,
                              size_t size_)
{
    const char *const at = strstr (library_->path, ".so.5.2.");
    unsigned patch;

    version_[0] = '\0';
    if (library_->about.is_ours)
        snprintf (version_, size_, "%s", library_->about.on);
    else if (at != NULL && sscanf (at, ".so.5.2.%u", &patch) == 1)
        snprintf (version_, size_, "4.3.%u", patch);
}

void process_free (process_t *process_)
{
    size_t i;

    for (i = 0; i < process_->library_count; i++)
        free (process_->library[i].path);
    free (process_->library);
    free (process_->socket);
    free (process_->program);
    free (process_->preload);
    free (process_->settings);
}
