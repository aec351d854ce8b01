/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/*  libzmq's default ZMQ_BACKLOG.  */
#define BACKLOG 100

static int open_socket (int family_, int *fd_)
{
    *fd_ = socket (family_, SOCK_STREAM, IPPROTO_TCP);
    if (*fd_ == -1)
        return errno;
    fcntl (*fd_, F_SETFD, FD_CLOEXEC);
    return 0;
}

static int set_flag (int fd_, int level_, int option_, int value_)
{
    return setsockopt (fd_, level_, option_, &value_, sizeof value_) == 0
             ? 0
             : errno;
}

static int close_with (int *fd_, int error_)
{
    close (*fd_);
    *fd_ = -1;
    return error_;
}

static int set_v6only (int fd_, const zds_listener_t *listener_)
{
    int rc = 0;

    if (listener_->v6only != ZDS_V6ONLY_NONE)
        rc = set_flag (fd_, IPPROTO_IPV6, IPV6_V6ONLY,
                       listener_->v6only == ZDS_V6ONLY_ON);
    return zds_listener_needs_v6only (listener_) ? rc : 0;
}

int sockets_listen (const zds_listener_t *listener_,
                    bool really_,
                    int *fd_,
                    zds_bind_stage_t *stage_)
{
    zds_addr_t addr = listener_->addr;
    int rc;

    *stage_ = ZDS_AT_SOCKET;
    rc = open_socket (zds_addr_family (&addr), fd_);
    if (rc != 0)
        return rc;
    *stage_ = ZDS_AT_V6ONLY;
    rc = set_v6only (*fd_, listener_);
    if (rc != 0)
        return close_with (fd_, rc);
    *stage_ = ZDS_AT_OPTION;
    rc = set_flag (*fd_, SOL_SOCKET, SO_REUSEADDR, 1);
    if (rc != 0)
        return close_with (fd_, rc);
#ifdef IP_FREEBIND
    if (listener_->freebind)
        set_flag (*fd_, IPPROTO_IP, IP_FREEBIND, 1);
#endif
    *stage_ = ZDS_AT_BIND;
    if (!really_)
        zds_addr_set_port (&addr, 0);
    if (bind (*fd_, &addr.sa, (socklen_t) zds_addr_len (&addr)) != 0
        || (really_ && listen (*fd_, BACKLOG) != 0))
        return close_with (fd_, errno);
    return 0;
}

static int start_connect (int fd_, const zds_addr_t *addr_)
{
    if (connect (fd_, &addr_->sa, (socklen_t) zds_addr_len (addr_)) == 0)
        return 0;
    return errno == EINTR ? EINPROGRESS : errno;
}

int sockets_connect (const zds_addr_t *addr_,
                     const zds_addr_t *source_,
                     int *fd_)
{
    int rc = open_socket (zds_addr_family (addr_), fd_);

    if (rc != 0)
        return rc;
    if (zds_addr_family (addr_) == AF_INET6)
        set_flag (*fd_, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    fcntl (*fd_, F_SETFL, fcntl (*fd_, F_GETFL) | O_NONBLOCK);
    if (source_ != NULL) {
        set_flag (*fd_, SOL_SOCKET, SO_REUSEADDR, 1);
        if (bind (*fd_, &source_->sa, (socklen_t) zds_addr_len (source_)) != 0)
            return close_with (fd_, errno);
    }
    rc = start_connect (*fd_, addr_);
    return rc == 0 || rc == EINPROGRESS ? rc : close_with (fd_, rc);
}

int sockets_outcome (int fd_)
{
    int error = 0;
    socklen_t len = sizeof error;

    return getsockopt (fd_, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error
                                                                     : errno;
}

bool sockets_local (int fd_, zds_addr_t *addr_)
{
    zds_addr_t addr;
    socklen_t len = sizeof addr;

    return getsockname (fd_, &addr.sa, &len) == 0
           && zds_addr_from_sockaddr (addr_, &addr.sa, len) == 0;
}
