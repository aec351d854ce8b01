/* SPDX-License-Identifier: MPL-2.0 */

#include "process.h"

#include <dirent.h>
#include <sys/syscall.h>

#include "zds_host.h"

/*  These numbers are the same on all architectures; older headers do not have
    them.  */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

enum
{
    NAME_SIZE = 64,
    /*  Linux has no path of more than PATH_MAX, plus what stands before it.  */
    PROC_PATH_SIZE = PATH_MAX + NAME_SIZE
};

/*  /proc/PID/FILE, and a name in it.  */
static const char *
name_of (const process_t *process_, const char *file_, const char *path_)
{
    static char name[PROC_PATH_SIZE];

    snprintf (name, sizeof name, "/proc/%ld/%s%s", process_->pid, file_, path_);
    return name;
}

static int last_error (void)
{
    return errno == EPERM ? EACCES : errno == ENOENT ? ESRCH : errno;
}

/*  The content of a file, up to 16 MB, followed by a NUL; valid until the next file
    is read.  NULL, with errno set, if it cannot be read.  */
static char *slurp (const process_t *process_, const char *file_, size_t *size_)
{
    static char text[1 << 24];
    FILE *const file = fopen (name_of (process_, file_, ""), "re");
    int error;

    *size_ = 0;
    if (file == NULL)
        return NULL;
    errno = 0;
    *size_ = fread (text, 1, sizeof text - 1, file);
    error = errno;
    text[*size_] = '\0';
    fclose (file);
    errno = error;
    return *size_ > 0 || error == 0 ? text : NULL;
}

/*  --- settings ------------------------------------------------------------------  */

const char *process_variable (const process_t *process_, const char *name_)
{
    const size_t len = strlen (name_);
    size_t at = 0;

    for (; at < process_->environment_size;
         at += strlen (process_->environment + at) + 1)
        if (strncmp (process_->environment + at, name_, len) == 0
            && process_->environment[at + len] == '=')
            return process_->environment + at + len + 1;
    return NULL;
}

/*  Whether the kernel has told the program not to trust its environment
    (AT_SECURE).  */
static bool read_privileges (const process_t *process_)
{
    size_t size = 0, at;
    char *const text = slurp (process_, "auxv", &size);
    ELF (auxv_t) entry;
    bool secure = false;

    for (at = 0; at + sizeof entry <= size; at += sizeof entry) {
        memcpy (&entry, text + at, sizeof entry);
        if (entry.a_type == AT_SECURE)
            secure = entry.a_un.a_val != 0;
    }
    return secure;
}

/*  The file as the process sees it, then its environment, as zds_host_settings reads
    them.  */
static void read_settings (process_t *process_)
{
    char complaint[8] = "", file[ZDS_PATH_SIZE], title[ZDS_PATH_SIZE], *text;
    const char *const name =
      zds_host_name_in_proc (name_of (process_, "exe", ""), file);
    const char *const script =
      zds_host_name_in_proc (name_of (process_, "comm", ""), title);
    zds_settings_t plain;

    process_->is_privileged = read_privileges (process_);
    zds_settings_default (&process_->in_force);
    plain = process_->in_force;
    text = zds_host_settings_text (
      name_of (process_, "root", ZDS_SETTINGS_FILE), &process_->file_fault);
    if (text != NULL)
        zds_settings_file (&process_->in_force, text, name,
                           process_->is_privileged ? NULL : script, complaint,
                           sizeof complaint);
    free (text);
    process_->file_counts =
      memcmp (&plain, &process_->in_force, sizeof plain) != 0;
    if (!process_->is_privileged)
        zds_settings_words (&process_->in_force,
                            process_variable (process_, "ZMQ_DUALSTACK"),
                            complaint, sizeof complaint);
}

/*  --- libraries -----------------------------------------------------------------  */

/*  LD_PRELOAD's names are separated by colons and blanks.  A name without a slash is
    searched for by the linker, so only the file's name is compared.  */
static bool is_preloaded (const process_t *process_,
                          const char *path_,
                          unsigned long inode_)
{
    const char *at = process_variable (process_, "LD_PRELOAD");
    const char *const slash = strrchr (path_, '/');
    char word[PATH_MAX];
    struct stat about;
    size_t len;

    for (; at != NULL && *at != '\0'; at += len + strspn (at + len, ": ")) {
        len = strcspn (at, ": ");
        snprintf (word, sizeof word, "%.*s", (int) len, at);
        if (word[0] == '/'
              ? stat (name_of (process_, "root", word), &about) == 0
                  && about.st_ino == inode_
              : slash != NULL && strcmp (slash + 1, word) == 0)
            return true;
    }
    return false;
}

/*  What is known of a file, by its device and inode number, because most processes
    have most libraries in common.  */
typedef struct
{
    char file[NAME_SIZE];
    library_t about;
    int rc;
} examined_t;

/*  First through the kernel's mapping, which works for deleted files too, but takes
    privileges; then by its name.  */
static const examined_t *examine (const process_t *process_,
                                  const char *range_,
                                  const char *file_,
                                  const char *path_)
{
    static examined_t *known;
    static size_t count;
    examined_t *one;
    size_t i;

    for (i = count; i-- > 0;)
        if (strcmp (known[i].file, file_) == 0)
            return &known[i];
    one = cli_grow (&known, &count, sizeof *one);
    snprintf (one->file, sizeof one->file, "%s", file_);
    one->rc =
      library_read (&one->about, name_of (process_, "map_files/", range_));
    if (one->rc != 0)
        one->rc = library_read (&one->about, name_of (process_, "root", path_));
    return one;
}

/*  Whether a path is that of the last library: the mappings of a file follow one
    another.  */
static bool is_known (const process_t *process_, const char *path_)
{
    const size_t count = process_->library_count;

    return count > 0 && strcmp (process_->library[count - 1].path, path_) == 0;
}

/*  A line of maps: RANGE PERMISSIONS OFFSET DEVICE INODE PATH.  */
static void take_mapping (process_t *process_, const char *line_)
{
    char range[NAME_SIZE], permissions[8], device[16], file[NAME_SIZE];
    unsigned long inode;
    int path_at = 0;
    const char *path;
    const examined_t *found;
    process_library_t *one;

    if (sscanf (line_, "%63s %7s %*s %15s %lu %n", range, permissions, device,
                &inode, &path_at)
          != 4
        || line_[path_at] != '/' || permissions[2] != 'x'
        || is_known (process_, line_ + path_at))
        return;
    path = line_ + path_at;
    snprintf (file, sizeof file, "%s %lu", device, inode);
    found = examine (process_, range, file, path);
    if (!found->about.is_libzmq
        && (found->rc == 0 || !library_is_called_so (path)))
        return;
    one = cli_grow (&process_->library, &process_->library_count, sizeof *one);
    one->path = cli_copy (path, PROC_PATH_SIZE);
    one->about = found->about;
    one->is_unread = found->rc != 0;
    one->is_preloaded = is_preloaded (process_, path, inode);
    one->is_program = strcmp (process_->program, path) == 0;
}

static int read_libraries (process_t *process_)
{
    size_t size;
    char *const text = slurp (process_, "maps", &size);
    char *line, *rest = NULL;

    if (text == NULL)
        return last_error ();
    for (line = strtok_r (text, "\n", &rest); line != NULL;
         line = strtok_r (NULL, "\n", &rest))
        take_mapping (process_, line);
    return 0;
}

/*  The dynamic linker finds a symbol in the program first, then in what was
    preloaded, then in the others.  Which of several others it is depends on the
    caller.  */
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

/*  --- sockets -------------------------------------------------------------------  */

static int get_option (int fd_, int level_, int option_)
{
    int value = -1;
    socklen_t len = sizeof value;

    return getsockopt (fd_, level_, option_, &value, &len) == 0 ? value : -1;
}

/*  Takes it if it is a TCP socket that listens or is connected.  */
static void take_socket (process_t *process_, int fd_, unsigned long inode_)
{
    process_socket_t *one;
    zds_addr_t local = {.sa = {0}}, peer = {.sa = {0}};
    socklen_t local_len = sizeof local, peer_len = sizeof peer;
    const bool listens = get_option (fd_, SOL_SOCKET, SO_ACCEPTCONN) == 1;
    const bool has_peer = getpeername (fd_, &peer.sa, &peer_len) == 0;

    if (get_option (fd_, SOL_SOCKET, SO_TYPE) != SOCK_STREAM
        || (!listens && !has_peer)
        || getsockname (fd_, &local.sa, &local_len) != 0
        || (local.sa.sa_family != AF_INET && local.sa.sa_family != AF_INET6))
        return;
    one = cli_grow (&process_->socket, &process_->socket_count, sizeof *one);
    one->inode = inode_;
    one->listens = listens;
    zds_addr_from_sockaddr (&one->local, &local.sa, local_len);
    if (has_peer)
        zds_addr_from_sockaddr (&one->peer, &peer.sa, peer_len);
    one->v6only = get_option (fd_, IPPROTO_IPV6, IPV6_V6ONLY) == 1;
}

/*  Takes a socket through a copy of its descriptor; false if the kernel or a sandbox
    does not let it be copied.  */
static bool take_descriptor (process_t *process_, int pidfd_, const char *fd_)
{
    char target[NAME_SIZE] = "";
    unsigned long inode;
    size_t i;
    int copy;

    if (readlink (name_of (process_, "fd/", fd_), target, sizeof target - 1)
          <= 0
        || sscanf (target, "socket:[%lu]", &inode) != 1)
        return true;
    for (i = 0; i < process_->socket_count; i++)
        if (process_->socket[i].inode == inode)
            return true;
    copy = (int) syscall (SYS_pidfd_getfd, pidfd_, atoi (fd_), 0);
    if (copy == -1)
        return errno == EBADF; /* it was closed meanwhile */
    take_socket (process_, copy, inode);
    close (copy);
    return true;
}

static int read_sockets (process_t *process_)
{
    DIR *const dir = opendir (name_of (process_, "fd", ""));
    const struct dirent *entry;
    char own[NAME_SIZE] = "";
    int pidfd = -1;

    if (dir == NULL)
        return last_error ();
    /*  In the /proc of another PID namespace, the number is that of another
        process.  */
    if (readlink ("/proc/self", own, sizeof own - 1) > 0
        && atol (own) == (long) getpid ())
        pidfd = (int) syscall (SYS_pidfd_open, (pid_t) process_->pid, 0);
    /*  There is no pidfd for a thread that is not the first one, or in a sandbox.  */
    process_->sockets_known = pidfd != -1;
    while ((entry = readdir (dir)) != NULL)
        if (!take_descriptor (process_, pidfd, entry->d_name))
            process_->sockets_known = false;
    closedir (dir);
    if (pidfd != -1)
        close (pidfd);
    return 0;
}

/*  --- all of it -----------------------------------------------------------------  */

int process_read (process_t *process_, long pid_)
{
    char target[PATH_MAX + 1] = "";
    const char *text;
    size_t size, none = 0;
    int rc;

    memset (process_, 0, sizeof *process_);
    process_->pid = pid_;
    if (readlink (name_of (process_, "exe", ""), target, sizeof target - 1) < 0)
        return last_error ();
    process_->program = cli_copy (target, sizeof target);
    text = slurp (process_, "environ", &size);
    cli_grow (&process_->environment, &none, size + 1);
    if (text != NULL)
        memcpy (process_->environment, text, size);
    process_->environment_size = size;
    rc = read_libraries (process_);
    read_settings (process_);
    return rc == 0 && process_->library_count > 0 ? read_sockets (process_)
                                                  : rc;
}

void process_free (process_t *process_)
{
    size_t i;

    for (i = 0; i < process_->library_count; i++)
        free (process_->library[i].path);
    free (process_->library);
    free (process_->socket);
    free (process_->program);
    free (process_->environment);
}
