/* SPDX-License-Identifier: MPL-2.0 */

/*  The TCP sockets of another process: through copies of its descriptors, or, where
    that is not allowed or not known to the kernel, through /proc/PID/net.  */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/syscall.h>
/*  The same on all architectures; older headers do not know them.  */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#endif

enum
{
    NAME_SIZE = 300
};

static int open_process (long pid_)
{
#ifdef __linux__
    return (int) syscall (SYS_pidfd_open, (pid_t) pid_, 0);
#else
    (void) pid_;
    errno = ENOSYS;
    return -1;
#endif
}

static int copy_descriptor (int process_, int fd_)
{
#ifdef __linux__
    return (int) syscall (SYS_pidfd_getfd, process_, fd_, 0);
#else
    (void) process_;
    (void) fd_;
    errno = ENOSYS;
    return -1;
#endif
}

static process_socket_t *add_socket (process_t *process_, unsigned long inode_)
{
    const size_t count = process_->socket_count;
    process_socket_t *more;

    if ((count & (count - 1)) == 0) {
        more = realloc (process_->socket,
                        (count == 0 ? 1 : 2 * count) * sizeof *more);
        if (more == NULL)
            return NULL;
        process_->socket = more;
    }
    process_->socket_count++;
    more = &process_->socket[count];
    memset (more, 0, sizeof *more);
    more->inode = inode_;
    more->v6only = -1;
    return more;
}

static bool has_socket (const process_t *process_, unsigned long inode_)
{
    size_t i;

    for (i = 0; i < process_->socket_count; i++)
        if (process_->socket[i].inode == inode_)
            return true;
    return false;
}

/*  Through copies.  */

static int get_option (int fd_, int level_, int option_)
{
    int value = -1;
    socklen_t len = sizeof value;

    return getsockopt (fd_, level_, option_, &value, &len) == 0 ? value : -1;
}

static bool get_addr (int fd_,
                      int (*get_) (int, struct sockaddr *, socklen_t *),
                      zds_addr_t *addr_)
{
    zds_addr_t addr;
    socklen_t len = sizeof addr;

    memset (&addr, 0, sizeof addr);
    return get_ (fd_, &addr.sa, &len) == 0
           && zds_addr_from_sockaddr (addr_, &addr.sa, len) == 0;
}

/*  Not __SOCKADDR_ARG, which is a union in glibc's C headers.  */
static int local_of (int fd_, struct sockaddr *addr_, socklen_t *len_)
{
    return getsockname (fd_, addr_, len_);
}

static int peer_of (int fd_, struct sockaddr *addr_, socklen_t *len_)
{
    return getpeername (fd_, addr_, len_);
}

static int take_copy (process_t *process_, int fd_, unsigned long inode_)
{
    process_socket_t *one;
    zds_addr_t local, peer;
    const bool listens = get_option (fd_, SOL_SOCKET, SO_ACCEPTCONN) == 1;
    const bool has_peer = get_addr (fd_, peer_of, &peer);

    if (get_option (fd_, SOL_SOCKET, SO_TYPE) != SOCK_STREAM
        || (!listens && !has_peer) || !get_addr (fd_, local_of, &local))
        return 0;
    one = add_socket (process_, inode_);
    if (one == NULL)
        return ENOMEM;
    one->listens = listens;
    one->local = local;
    if (has_peer)
        one->peer = peer;
    if (zds_addr_family (&local) == AF_INET6)
        one->v6only = get_option (fd_, IPPROTO_IPV6, IPV6_V6ONLY);
    return 0;
}

/*  Through /proc/PID/net/tcp and tcp6.  */

/*  Words of 32 bits in the order of the machine, then the port.  */
static bool parse_addr (const char *text_, int family_, zds_addr_t *addr_)
{
    const unsigned words = family_ == AF_INET6 ? 4 : 1;
    uint32_t word[4];
    unsigned i, port;

    zds_addr_any (addr_, family_);
    for (i = 0; i < words; i++) {
        unsigned value;
        if (sscanf (text_ + 8 * i, "%8x", &value) != 1)
            return false;
        word[i] = value;
    }
    if (sscanf (text_ + 8 * words, ":%x", &port) != 1)
        return false;
    if (family_ == AF_INET6)
        memcpy (&addr_->v6.sin6_addr, word, 16);
    else
        memcpy (&addr_->v4.sin_addr, word, 4);
    zds_addr_set_port (addr_, (uint16_t) port);
    return true;
}

static void take_line (process_t *process_, const char *line_, int family_)
{
    enum
    {
        ESTABLISHED = 1,
        LISTEN = 10
    };
    char local[40], peer[40];
    unsigned state;
    unsigned long inode;
    size_t i;

    if (sscanf (line_, "%*s %39s %39s %x %*s %*s %*s %*s %*s %lu", local, peer,
                &state, &inode)
          != 4
        || (state != LISTEN && state != ESTABLISHED))
        return;
    for (i = 0; i < process_->socket_count; i++) {
        process_socket_t *one = &process_->socket[i];
        if (one->inode != inode || zds_addr_family (&one->local) != 0
            || !parse_addr (local, family_, &one->local))
            continue;
        one->listens = state == LISTEN;
        if (state == ESTABLISHED)
            parse_addr (peer, family_, &one->peer);
    }
}

static bool read_table (process_t *process_, const char *file_, int family_)
{
    char name[NAME_SIZE], line[512];
    FILE *file;

    snprintf (name, sizeof name, "/proc/%ld/net/%s", process_->pid, file_);
    file = fopen (name, "re");
    /*  A kernel without IPv6 has no tcp6.  */
    if (file == NULL)
        return errno == ENOENT && family_ == AF_INET6;
    while (fgets (line, sizeof line, file) != NULL)
        take_line (process_, line, family_);
    fclose (file);
    return true;
}

/*  What no table has is no TCP socket in use.  */
static void drop_unknown (process_t *process_)
{
    size_t i, kept = 0;

    for (i = 0; i < process_->socket_count; i++)
        if (zds_addr_family (&process_->socket[i].local) != 0)
            process_->socket[kept++] = process_->socket[i];
    process_->socket_count = kept;
}

/*  Both.  */

/*  The inode of the socket that a descriptor is; 0 if it is none.  */
static unsigned long socket_inode (const process_t *process_, const char *fd_)
{
    char name[NAME_SIZE], target[64];
    unsigned long inode = 0;
    ssize_t len;

    snprintf (name, sizeof name, "/proc/%ld/fd/%.200s", process_->pid, fd_);
    len = readlink (name, target, sizeof target - 1);
    if (len <= 0)
        return 0;
    target[len] = '\0';
    return sscanf (target, "socket:[%lu]", &inode) == 1 ? inode : 0;
}

/*  With 'pidfd_' -1 only the inode is noted.  */
static int take_descriptor (process_t *process_, int pidfd_, const char *fd_)
{
    const unsigned long inode = socket_inode (process_, fd_);
    int copy, rc;

    if (inode == 0 || has_socket (process_, inode))
        return 0;
    if (pidfd_ == -1)
        return add_socket (process_, inode) == NULL ? ENOMEM : 0;
    copy = copy_descriptor (pidfd_, atoi (fd_));
    if (copy == -1)
        return errno == EBADF ? 0 : errno; /* it was closed meanwhile */
    rc = take_copy (process_, copy, inode);
    close (copy);
    return rc;
}

static int read_descriptors (process_t *process_, int pidfd_)
{
    char name[NAME_SIZE];
    const struct dirent *entry;
    DIR *dir;
    int rc = 0;

    snprintf (name, sizeof name, "/proc/%ld/fd", process_->pid);
    dir = opendir (name);
    if (dir == NULL)
        return errno == EPERM ? EACCES : errno;
    process_->socket_count = 0;
    while (rc == 0 && (entry = readdir (dir)) != NULL)
        rc = take_descriptor (process_, pidfd_, entry->d_name);
    closedir (dir);
    return rc;
}

static void sort_out (process_t *process_)
{
    const bool v4 = read_table (process_, "tcp", AF_INET);

    process_->sockets_known = read_table (process_, "tcp6", AF_INET6) && v4;
    drop_unknown (process_);
}

int process_read_sockets (process_t *process_)
{
    const int pidfd = open_process (process_->pid);
    int rc = EPERM;

    if (pidfd != -1) {
        rc = read_descriptors (process_, pidfd);
        close (pidfd);
        process_->sockets_known = rc == 0;
    }
    if (rc == 0 || rc == ENOMEM)
        return rc;
    free (process_->socket);
    process_->socket = NULL;
    process_->socket_count = 0;
    rc = read_descriptors (process_, -1);
    if (rc == 0)
        sort_out (process_);
    return rc;
}
