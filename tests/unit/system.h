/* SPDX-License-Identifier: MPL-2.0 */

/*  A system by the test's invention: interfaces, files, name servers, sources of
    packets.  A program that includes this is linked with --wrap for each of the
    calls below (Makefile.am), so that the core asks here.  */

#ifndef SYSTEM_H_INCLUDED
#define SYSTEM_H_INCLUDED

#include "text.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <sys/socket.h>
#include <time.h>

/*  An address of an interface; without 'addr' one that has none, with "packet"
    one of neither family.  */
typedef struct
{
    const char *name, *addr;
} system_ifaddr_t;

/*  What getaddrinfo says to a question about one family.  */
typedef struct
{
    int rc;
    const char *addrs[6];
} system_answer_t;

typedef struct
{
    const system_ifaddr_t *ifaddrs;
    size_t ifaddrs_count;
    int ifaddrs_errno;      /* 0: it succeeds */
    unsigned ifaddrs_fails; /* so many times before that */
    unsigned ifaddrs_calls;

    unsigned naps;
    uint64_t napped; /* ms */

    const char *hosts, *if_inet6; /* the files; NULL: there is none */

    system_answer_t v6, v4, any;
    size_t addrlen; /* of every address; 0: the right one */
    unsigned questions;

    int socket_errno, connect_errno, getsockname_errno;
    const char *source;
    unsigned open_sockets;
} system_t;

static system_t sys;

static void system_new (void)
{
    memset (&sys, 0, sizeof sys);
}

static void system_has (const system_ifaddr_t *ifaddrs_, size_t count_)
{
    sys.ifaddrs = ifaddrs_;
    sys.ifaddrs_count = count_;
}

/*  Interfaces.  One block each, so that a list that is not given back shows.  */

typedef struct
{
    struct ifaddrs ifaddrs;
    zds_addr_t addr;
} system_node_t;

int __wrap_getifaddrs (struct ifaddrs **list_);
void __wrap_freeifaddrs (struct ifaddrs *list_);
int __wrap_nanosleep (const struct timespec *time_, struct timespec *left_);

int __wrap_getifaddrs (struct ifaddrs **list_)
{
    struct ifaddrs **at = list_;
    size_t i;

    sys.ifaddrs_calls++;
    if (sys.ifaddrs_errno != 0 && sys.ifaddrs_fails > 0) {
        sys.ifaddrs_fails--;
        errno = sys.ifaddrs_errno;
        return -1;
    }
    *list_ = NULL;
    for (i = 0; i < sys.ifaddrs_count; i++) {
        const system_ifaddr_t *const one = &sys.ifaddrs[i];
        system_node_t *const node = test_calloc (1, sizeof *node);
        node->ifaddrs.ifa_name = (char *) (uintptr_t) one->name;
        if (one->addr != NULL && strcmp (one->addr, "packet") == 0)
            node->addr.sa.sa_family = AF_PACKET;
        else if (one->addr != NULL)
            node->addr = addr_of (one->addr);
        if (one->addr != NULL)
            node->ifaddrs.ifa_addr = &node->addr.sa;
        *at = &node->ifaddrs;
        at = &node->ifaddrs.ifa_next;
    }
    return 0;
}

void __wrap_freeifaddrs (struct ifaddrs *list_)
{
    while (list_ != NULL) {
        struct ifaddrs *const next = list_->ifa_next;
        test_free (list_);
        list_ = next;
    }
}

int __wrap_nanosleep (const struct timespec *time_, struct timespec *left_)
{
    (void) left_;
    sys.naps++;
    sys.napped +=
      (uint64_t) time_->tv_sec * 1000 + (uint64_t) time_->tv_nsec / 1000000;
    return 0;
}

/*  Files.  */

FILE *__wrap_fopen (const char *name_, const char *mode_);
FILE *__real_fopen (const char *name_, const char *mode_);

static FILE *system_file (const char *text_)
{
    if (text_ == NULL || *text_ == '\0') {
        errno = ENOENT;
        return NULL;
    }
    return fmemopen ((char *) (uintptr_t) text_, strlen (text_), "r");
}

FILE *__wrap_fopen (const char *name_, const char *mode_)
{
    if (strcmp (name_, "/etc/hosts") == 0)
        return system_file (sys.hosts);
    if (strcmp (name_, "/proc/thread-self/net/if_inet6") == 0)
        return system_file (sys.if_inet6);
    return __real_fopen (name_, mode_);
}

/*  Names.  Literals go to the true getaddrinfo unless an answer is to be bad.  */

int __wrap_getaddrinfo (const char *host_,
                        const char *service_,
                        const struct addrinfo *hints_,
                        struct addrinfo **list_);
int __real_getaddrinfo (const char *host_,
                        const char *service_,
                        const struct addrinfo *hints_,
                        struct addrinfo **list_);
void __wrap_freeaddrinfo (struct addrinfo *list_);
void __real_freeaddrinfo (struct addrinfo *list_);

/*  Tells our lists from the true ones.  */
#define SYSTEM_MARK 0x5a445300

typedef struct
{
    struct addrinfo info;
    zds_addr_t addr;
} system_info_t;

int __wrap_getaddrinfo (const char *host_,
                        const char *service_,
                        const struct addrinfo *hints_,
                        struct addrinfo **list_)
{
    const system_answer_t *const answer =
      hints_->ai_family == AF_INET6  ? &sys.v6
      : hints_->ai_family == AF_INET ? &sys.v4
                                     : &sys.any;
    struct addrinfo **at = list_;
    size_t i;

    if ((hints_->ai_flags & AI_NUMERICHOST) != 0 && answer->rc == 0
        && answer->addrs[0] == NULL)
        return __real_getaddrinfo (host_, service_, hints_, list_);
    sys.questions++;
    *list_ = NULL;
    if (answer->rc != 0)
        return answer->rc;
    for (i = 0; i < COUNT (answer->addrs) && answer->addrs[i] != NULL; i++) {
        system_info_t *const one = test_calloc (1, sizeof *one);
        one->addr = addr_of (answer->addrs[i]);
        one->info.ai_flags = SYSTEM_MARK;
        one->info.ai_family = one->addr.sa.sa_family;
        one->info.ai_addr = &one->addr.sa;
        one->info.ai_addrlen =
          (socklen_t) (sys.addrlen != 0 ? sys.addrlen
                                        : zds_addr_len (&one->addr));
        *at = &one->info;
        at = &one->info.ai_next;
    }
    return 0;
}

void __wrap_freeaddrinfo (struct addrinfo *list_)
{
    if (list_ != NULL && list_->ai_flags != SYSTEM_MARK) {
        __real_freeaddrinfo (list_);
        return;
    }
    while (list_ != NULL) {
        struct addrinfo *const next = list_->ai_next;
        test_free (list_);
        list_ = next;
    }
}

/*  Sockets.  */

enum
{
    SYSTEM_FD = 12345
};

int __wrap_socket (int family_, int type_, int protocol_);
int __wrap_connect (int fd_, const struct sockaddr *to_, socklen_t len_);
int __wrap_getsockname (int fd_, struct sockaddr *addr_, socklen_t *len_);
int __wrap_close (int fd_);
int __real_close (int fd_);

static int system_result (int error_)
{
    errno = error_;
    return error_ == 0 ? 0 : -1;
}

int __wrap_socket (int family_, int type_, int protocol_)
{
    (void) protocol_;
    assert_int_equal (family_, AF_INET6);
    assert_int_equal (type_ & SOCK_DGRAM, SOCK_DGRAM);
    if (sys.socket_errno != 0)
        return system_result (sys.socket_errno);
    sys.open_sockets++;
    return SYSTEM_FD;
}

int __wrap_connect (int fd_, const struct sockaddr *to_, socklen_t len_)
{
    assert_int_equal (fd_, SYSTEM_FD);
    assert_int_equal (to_->sa_family, AF_INET6);
    assert_int_equal (len_, sizeof (struct sockaddr_in6));
    return system_result (sys.connect_errno);
}

int __wrap_getsockname (int fd_, struct sockaddr *addr_, socklen_t *len_)
{
    zds_addr_t source;

    assert_int_equal (fd_, SYSTEM_FD);
    if (sys.getsockname_errno != 0)
        return system_result (sys.getsockname_errno);
    source = addr_of (sys.source);
    *len_ = (socklen_t) zds_addr_len (&source);
    memcpy (addr_, &source, *len_);
    return 0;
}

int __wrap_close (int fd_)
{
    if (fd_ != SYSTEM_FD)
        return __real_close (fd_);
    assert_true (sys.open_sockets > 0);
    sys.open_sockets--;
    return 0;
}

#endif
