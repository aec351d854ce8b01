/* SPDX-License-Identifier: MPL-2.0 */

/*  A system by the test's invention: interfaces, files, name servers.  A program that includes this is linked with --wrap for each of the
    calls below (Makefile.am), so that the core asks here.  */

#ifndef SYSTEM_H_INCLUDED
#define SYSTEM_H_INCLUDED

#include "text.h"

#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netdb.h>
#include <sys/socket.h>
#include <time.h>

/*  An address of an interface; without 'addr', an interface that has none; with
    "packet", an address of neither family.  'name' may be an IPv4 alias, eth0:1.  */
typedef struct
{
    const char *name, *addr;
    unsigned flags;   /* as the kernel has them: IFA_F_... */
    const char *peer; /* the other end of a link of two */
} system_ifaddr_t;

/*  What getaddrinfo answers to one question.  */
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
    int netlink_errno; /* of socket (AF_NETLINK, ...) */
    int bind_errno, send_errno, recv_errno;
    unsigned signals;    /* so many calls of recv end with EINTR */
    ssize_t recv_size;   /* what it says instead; 0: what it has */
    int told_error;      /* what the kernel answers instead of addresses */
    unsigned interrupts; /* so many dumps during which addresses change */
    unsigned dumps;
    size_t dumped; /* addresses told so far; all and one: it is done */

    unsigned naps;
    uint64_t napped; /* ms */

    const char *hosts; /* the file; NULL: there is none */

    system_answer_t v6, v4, any;
    const char *canonical;
    size_t addrlen; /* of every address; 0: the right one */
    unsigned questions;

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

/*  Interfaces.  Each is a block of its own, so that a list that is not freed is
    noticed.  */

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
    return __real_fopen (name_, mode_);
}

/*  Names.  Literals go to the real getaddrinfo, unless a bad answer is wanted.  */

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

/*  Tells our lists from those of the real getaddrinfo.  */
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
        if (i == 0 && (hints_->ai_flags & AI_CANONNAME) != 0)
            one->info.ai_canonname = (char *) (uintptr_t) sys.canonical;
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
    SYSTEM_NETLINK = 12346
};

int __wrap_socket (int family_, int type_, int protocol_);
int __wrap_close (int fd_);
int __real_close (int fd_);

static int system_result (int error_)
{
    errno = error_;
    return error_ == 0 ? 0 : -1;
}

int __wrap_socket (int family_, int type_, int protocol_)
{
    (void) type_;
    if (family_ == AF_NETLINK) {
        assert_int_equal (protocol_, NETLINK_ROUTE);
        if (sys.netlink_errno != 0)
            return system_result (sys.netlink_errno);
        sys.open_sockets++;
        return SYSTEM_NETLINK;
    }
    fail_msg ("a socket of family %d", family_);
    return -1;
}

int __wrap_close (int fd_)
{
    if (fd_ != SYSTEM_NETLINK)
        return __real_close (fd_);
    assert_true (sys.open_sockets > 0);
    sys.open_sockets--;
    return 0;
}

/*  rtnetlink: the same interfaces, numbered by their first address.  */

unsigned __wrap_if_nametoindex (const char *name_);
char *__wrap_if_indextoname (unsigned index_, char *name_);
int __wrap_bind (int fd_, const struct sockaddr *addr_, socklen_t len_);

int __wrap_bind (int fd_, const struct sockaddr *addr_, socklen_t len_)
{
    assert_int_equal (fd_, SYSTEM_NETLINK);
    assert_int_equal (addr_->sa_family, AF_NETLINK);
    assert_int_equal (len_, sizeof (struct sockaddr_nl));
    return system_result (sys.bind_errno);
}

ssize_t __wrap_send (int fd_, const void *data_, size_t size_, int flags_);
ssize_t __wrap_recv (int fd_, void *data_, size_t size_, int flags_);

/*  For eth0:1 it is that of eth0, as with the kernel.  */
unsigned __wrap_if_nametoindex (const char *name_)
{
    const size_t len = strcspn (name_, ":");
    size_t i;

    for (i = 0; i < sys.ifaddrs_count; i++)
        if (strcspn (sys.ifaddrs[i].name, ":") == len
            && memcmp (sys.ifaddrs[i].name, name_, len) == 0)
            return (unsigned) i + 2;
    return 0;
}

char *__wrap_if_indextoname (unsigned index_, char *name_)
{
    const char *const name = sys.ifaddrs[index_ - 2].name;

    if (strcmp (name, "gone") == 0)
        return NULL;
    snprintf (name_, IF_NAMESIZE, "%.*s", (int) strcspn (name, ":"), name);
    return name_;
}

ssize_t __wrap_send (int fd_, const void *data_, size_t size_, int flags_)
{
    const struct nlmsghdr *const question = data_;
    (void) flags_;

    assert_int_equal (fd_, SYSTEM_NETLINK);
    assert_int_equal (question->nlmsg_len, size_);
    assert_int_equal (question->nlmsg_type, RTM_GETADDR);
    sys.dumps++;
    sys.dumped = 0;
    return sys.send_errno == 0 ? (ssize_t) size_
                               : system_result (sys.send_errno);
}

static void system_attribute (struct nlmsghdr *message_,
                              unsigned short type_,
                              const void *data_,
                              size_t size_)
{
    struct rtattr *const attr =
      (struct rtattr *) ((char *) message_ + NLMSG_ALIGN (message_->nlmsg_len));

    attr->rta_type = type_;
    attr->rta_len = (unsigned short) RTA_LENGTH (size_);
    memcpy (RTA_DATA (attr), data_, size_);
    message_->nlmsg_len =
      NLMSG_ALIGN (message_->nlmsg_len) + (unsigned) RTA_ALIGN (attr->rta_len);
}

static void system_addr_attribute (struct nlmsghdr *message_,
                                   unsigned short type_,
                                   const char *text_)
{
    const zds_addr_t addr = addr_of (text_);

    if (addr.sa.sa_family == AF_INET)
        system_attribute (message_, type_, &addr.v4.sin_addr, 4);
    else
        system_attribute (message_, type_, &addr.v6.sin6_addr, 16);
}

static void system_message (struct nlmsghdr *message_,
                            const system_ifaddr_t *one_)
{
    struct ifaddrmsg *const header = NLMSG_DATA (message_);
    const bool packet = strcmp (one_->addr, "packet") == 0;
    const bool is_v4 = !packet && strchr (one_->addr, ':') == NULL;

    message_->nlmsg_type = RTM_NEWADDR;
    message_->nlmsg_len = NLMSG_LENGTH (sizeof *header);
    header->ifa_family = packet ? AF_PACKET : is_v4 ? AF_INET : AF_INET6;
    header->ifa_index = __wrap_if_nametoindex (one_->name);
    header->ifa_flags = (unsigned char) one_->flags;
    if (packet) {
        system_attribute (message_, IFA_ADDRESS, "123456", 6);
        return;
    }
    /*  The order of these attributes is the kernel's, and nobody may depend on
        it.  */
    if (one_->peer != NULL)
        system_addr_attribute (message_, IFA_ADDRESS, one_->peer);
    if (is_v4 || one_->peer != NULL)
        system_addr_attribute (message_, IFA_LOCAL, one_->addr);
    if (one_->peer == NULL)
        system_addr_attribute (message_, IFA_ADDRESS, one_->addr);
    if (is_v4)
        system_attribute (message_, IFA_LABEL, one_->name,
                          strlen (one_->name) + 1);
    system_attribute (message_, IFA_FLAGS, &one_->flags, 4);
}

/*  Three messages at a time.  */
ssize_t __wrap_recv (int fd_, void *data_, size_t size_, int flags_)
{
    char *at = data_;
    int i;

    assert_int_equal (fd_, SYSTEM_NETLINK);
    assert_int_equal (flags_, MSG_TRUNC);
    if (sys.signals > 0) {
        sys.signals--;
        return system_result (EINTR);
    }
    if (sys.recv_size != 0)
        return sys.recv_size;
    if (sys.recv_errno != 0)
        return system_result (sys.recv_errno);
    for (i = 0; i < 3 && sys.dumped <= sys.ifaddrs_count; sys.dumped++) {
        struct nlmsghdr *const message = (struct nlmsghdr *) at;
        memset (message, 0, 512);
        message->nlmsg_len = NLMSG_LENGTH (sizeof (struct nlmsgerr));
        message->nlmsg_type = NLMSG_DONE;
        if (sys.told_error != 0) {
            message->nlmsg_type = NLMSG_ERROR;
            ((struct nlmsgerr *) NLMSG_DATA (message))->error = -sys.told_error;
        } else if (sys.dumped < sys.ifaddrs_count) {
            if (sys.ifaddrs[sys.dumped].addr == NULL)
                continue;
            system_message (message, &sys.ifaddrs[sys.dumped]);
        } else if (sys.dumps <= sys.interrupts) {
            message->nlmsg_flags = NLM_F_DUMP_INTR;
        }
        at += NLMSG_ALIGN (message->nlmsg_len);
        i++;
    }
    assert_true ((size_t) (at - (char *) data_) <= size_);
    return at - (char *) data_;
}

#endif
