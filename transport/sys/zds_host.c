/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_host.h"
#include "zds_ask.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <iphlpapi.h>
#define strtok_r strtok_s
#else
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#endif
#if defined __linux__ && !defined __ANDROID__
#include <sys/auxv.h>
#endif
#ifdef __GLIBC__
#include <netinet/in.h>
#include <resolv.h>
#endif

/*  Systems known to have getifaddrs.  This is also built without libzmq, so it does
    not rely on libzmq's configure.  */
#if defined __ANDROID_API__ && __ANDROID_API__ < 24
#elif defined __linux__ || defined __FreeBSD__ || defined __NetBSD__           \
  || defined __OpenBSD__ || defined __DragonFly__ || defined __APPLE__         \
  || defined __GNU__ || defined __QNXNTO__
#define ZDS_HAVE_GETIFADDRS
#include <ifaddrs.h>
#endif

#ifdef __linux__
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#endif

/*  What is looked for, and the list of what was found.  */
typedef struct
{
    const char *name; /* of the interface or IPv4 alias; NULL: any */
    bool nameless;    /* their names do not matter */
    zds_ifaddr_t *at;
    size_t count;
    size_t room;
    /*  The name of the last interface, since the addresses of an interface come
        together.  */
    unsigned index; /* 0: not known yet */
    char index_name[256];
    int fd; /* of the dump */
} list_t;

#ifdef ZDS_HAVE_GETIFADDRS

static int append (list_t *list_,
                   const char *name_,
                   const zds_addr_t *addr_,
                   unsigned flags_)
{
    zds_ifaddr_t *entry;

    if (list_->name != NULL && strcmp (list_->name, name_) != 0)
        return 0;
    if (list_->count == list_->room) {
        const size_t room = list_->room == 0 ? 16 : 2 * list_->room;
        zds_ifaddr_t *at =
          (zds_ifaddr_t *) realloc (list_->at, room * sizeof *at);
        if (at == NULL)
            return ENOMEM;
        list_->at = at;
        list_->room = room;
    }
    entry = &list_->at[list_->count];
    /*  No interface has a longer name; if one had, it could not be bound.  */
    if (strlen (name_) >= sizeof entry->name)
        return 0;
    strcpy (entry->name, name_);
    entry->addr = *addr_;
    entry->flags = flags_;
    list_->count++;
    return 0;
}

/*  getifaddrs gives up with ECONNREFUSED when many threads ask at once.  */
static int ask_getifaddrs (list_t *list_)
{
    const int max_tries = 10;
    struct ifaddrs *all = NULL;
    const struct ifaddrs *one;
    int i, rc = 0;

    for (i = 1; getifaddrs (&all) != 0; i++) {
        struct timespec pause = {0, (1L << i) * 500000L};
        if (errno != ECONNREFUSED || i == max_tries)
            return errno;
        nanosleep (&pause, NULL);
    }
    for (one = all; one != NULL && rc == 0; one = one->ifa_next) {
        zds_addr_t addr;
        /*  getifaddrs does not tell the length, which follows from the family.  */
        if (one->ifa_addr != NULL
            && zds_addr_from_sockaddr (&addr, one->ifa_addr, sizeof addr) == 0)
            rc = append (list_, one->ifa_name, &addr, 0);
    }
    freeifaddrs (all);
    return rc;
}

#ifdef __linux__

/*  rtnetlink (7). getifaddrs asks this too, but does not pass the flags on.  */

enum
{
    MESSAGE_ROOM = 32768, /* as much as the kernel sends at once */
    MAX_DUMPS = 5 /* while addresses change faster than they are listed */
};

/*  Takes an address from an attribute; false if that has another length than the
    family's addresses.  */
static bool
addr_from_kernel (zds_addr_t *addr_, int family_, const struct rtattr *attr_)
{
    const size_t len = RTA_PAYLOAD (attr_);

    zds_addr_any (addr_, family_);
    if (family_ == AF_INET && len == sizeof addr_->v4.sin_addr)
        memcpy (&addr_->v4.sin_addr, RTA_DATA (attr_), len);
    else if (family_ == AF_INET6 && len == sizeof addr_->v6.sin6_addr)
        memcpy (&addr_->v6.sin6_addr, RTA_DATA (attr_), len);
    else
        return false;
    return true;
}

/*  The name that getifaddrs gives an address; NULL if the interface has just
    gone.  */
static const char *
name_from_kernel (list_t *list_, unsigned index_, const struct rtattr *label_)
{
    struct ifreq request = {.ifr_ifindex = (int) index_};

    if (list_->nameless)
        return "";
    if (label_ != NULL)
        return (const char *) RTA_DATA (label_);
    if (list_->index == index_)
        return list_->index_name;
    /*  if_indextoname opens a socket, which may be one too many.  */
    if (ioctl (list_->fd, SIOCGIFNAME, &request) == 0)
        strcpy (list_->index_name, request.ifr_name);
    else if (if_indextoname (index_, list_->index_name) == NULL)
        return NULL;
    list_->index = index_;
    return list_->index_name;
}

static int add_from_kernel (list_t *list_, struct nlmsghdr *message_)
{
    struct ifaddrmsg *const header = (struct ifaddrmsg *) NLMSG_DATA (message_);
    const struct rtattr *told[IFA_FLAGS + 1] = {NULL}, *own;
    struct rtattr *attr = IFA_RTA (header);
    int len = (int) IFA_PAYLOAD (message_);
    uint32_t bits = header->ifa_flags;
    zds_addr_t addr;
    const char *name;

    for (; RTA_OK (attr, len); attr = RTA_NEXT (attr, len))
        if (attr->rta_type <= IFA_FLAGS)
            told[attr->rta_type] = attr;
    name = name_from_kernel (list_, header->ifa_index, told[IFA_LABEL]);
    /*  Where there is a peer, IFA_ADDRESS is the peer's.  */
    own = told[told[IFA_LOCAL] != NULL ? IFA_LOCAL : IFA_ADDRESS];
    if (name == NULL || own == NULL
        || !addr_from_kernel (&addr, header->ifa_family, own))
        return 0;
    if (told[IFA_FLAGS] != NULL)
        memcpy (&bits, RTA_DATA (told[IFA_FLAGS]), sizeof bits);
    if (zds_addr_family (&addr) == AF_INET)
        bits = 0; /* they mean other things there */
    else if (zds_addr_class (&addr) == ZDS_CLASS_LINK_LOCAL)
        addr.v6.sin6_scope_id = header->ifa_index;
    return append (list_, name, &addr, bits);
}

/*  Takes one datagram of the answer.  Returns 0 when more follow, -1 when it was the
    last one, or an errno: EAGAIN when addresses changed meanwhile.  */
static int take_datagram (list_t *list_, char *buffer_, size_t size_)
{
    struct nlmsghdr *message = (struct nlmsghdr *) buffer_;
    int rc = 0;

    for (; rc == 0 && NLMSG_OK (message, size_);
         message = NLMSG_NEXT (message, size_)) {
        if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
            rc = EAGAIN;
        else if (message->nlmsg_type == NLMSG_DONE)
            rc = -1;
        else if (message->nlmsg_type == NLMSG_ERROR)
            rc = -((struct nlmsgerr *) NLMSG_DATA (message))->error;
        else if (message->nlmsg_type == RTM_NEWADDR)
            rc = add_from_kernel (list_, message);
    }
    return rc;
}

static int send_question (int fd_)
{
    struct
    {
        struct nlmsghdr header;
        struct ifaddrmsg body;
    } question;

    memset (&question, 0, sizeof question);
    question.header.nlmsg_len = sizeof question;
    question.header.nlmsg_type = RTM_GETADDR;
    question.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    return send (fd_, &question, sizeof question, 0) == -1 ? errno : 0;
}

static int dump_through (int fd_, list_t *list_, char *buffer_)
{
    int rc;

    list_->index = 0;
    list_->fd = fd_;
    rc = send_question (fd_);
    while (rc == 0) {
        const ssize_t size = recv (fd_, buffer_, MESSAGE_ROOM, MSG_TRUNC);
        if (size > MESSAGE_ROOM)
            rc = EMSGSIZE;
        else if (size >= 0)
            rc = take_datagram (list_, buffer_, (size_t) size);
        else if (errno != EINTR)
            rc = errno;
    }
    return rc == -1 ? 0 : rc;
}

static int ask_system (list_t *list_)
{
    char *const buffer = (char *) malloc (MESSAGE_ROOM);
    int i, rc = buffer == NULL ? ENOMEM : EAGAIN;

    for (i = 0; i < MAX_DUMPS && rc == EAGAIN; i++) {
        const int fd =
          socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        list_->count = 0;
        rc = fd == -1 ? errno : dump_through (fd, list_, buffer);
        if (fd != -1)
            close (fd);
    }
    free (buffer);
    /*  A sandbox may allow one way and not the other; a process that lacks
        descriptors or memory lacks them for both.  */
    if (rc == 0 || rc == EMFILE || rc == ENFILE || rc == ENOMEM)
        return rc;
    list_->count = 0;
    return ask_getifaddrs (list_);
}

#else
#define ask_system ask_getifaddrs
#endif

#else
#define ask_system(list) ((void) (list), ENOTSUP)
#endif

static int list_ifaddrs (const char *name_,
                         bool nameless_,
                         zds_ifaddr_t **ifaddrs_,
                         size_t *count_)
{
    list_t list = {name_, nameless_, NULL, 0, 0, 0, "", -1};
    const int rc = ask_system (&list);

    if (rc != 0 || list.count == 0) {
        free (list.at);
        list.at = NULL;
        list.count = 0;
    }
    *ifaddrs_ = list.at;
    *count_ = list.count;
    return rc;
}

int zds_host_ifaddrs (const char *name_,
                      zds_ifaddr_t **ifaddrs_,
                      size_t *count_)
{
    return list_ifaddrs (name_, false, ifaddrs_, count_);
}

#ifdef __linux__

int zds_host_watch (int *fd_)
{
    const struct sockaddr_nl group = {.nl_family = AF_NETLINK,
                                      .nl_groups = RTMGRP_IPV6_IFADDR};

    *fd_ = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                   NETLINK_ROUTE);
    if (*fd_ == -1)
        return errno;
    if (bind (*fd_, (const struct sockaddr *) &group, sizeof group) != 0) {
        const int rc = errno;
        close (*fd_);
        *fd_ = -1;
        return rc;
    }
    return 0;
}

void zds_host_drain (int fd_)
{
    char byte;
    ssize_t size;

    /*  ENOBUFS: messages were lost, which also means that something changed.  */
    do
        size = recv (fd_, &byte, sizeof byte, 0);
    while (size >= 0 || errno == EINTR || errno == ENOBUFS);
}

uint64_t zds_host_netns (int fd_)
{
    static const char own[] = "/proc/thread-self/ns/net";
    struct stat about;
#ifdef SO_NETNS_COOKIE
    uint64_t cookie;
    socklen_t len = sizeof cookie;

    if (getsockopt (fd_, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) == 0)
        return cookie;
#else
    (void) fd_;
#endif
    return stat (own, &about) == 0 ? (uint64_t) about.st_ino : 0;
}

#else

int zds_host_watch (int *fd_)
{
    *fd_ = -1;
    return ENOTSUP;
}

void zds_host_drain (int fd_)
{
    (void) fd_;
}

uint64_t zds_host_netns (int fd_)
{
    (void) fd_;
    return 0;
}

#endif

/*  Whether it is an IPv6 address that is of use beyond this host and its links.  */
static bool reaches_far (const zds_addr_t *addr_)
{
    const zds_class_t kind = zds_addr_class (addr_);

    return zds_addr_family (addr_) == AF_INET6
           && (kind == ZDS_CLASS_GLOBAL || kind == ZDS_CLASS_UNIQUE_LOCAL);
}

zds_host_view_t zds_host_view (void)
{
    const unsigned passing =
      ZDS_IFADDR_TEMPORARY | ZDS_IFADDR_TENTATIVE | ZDS_IFADDR_DUPLICATE;
    zds_host_view_t view = {true, 0};
    zds_ifaddr_t *ifaddrs;
    size_t count, i;

    if (list_ifaddrs (NULL, true, &ifaddrs, &count) != 0)
        return view;
    view.has_ipv6 = false;
    for (i = 0; i < count; i++) {
        const bool is_far = reaches_far (&ifaddrs[i].addr);
        view.has_ipv6 |= is_far;
        if (zds_addr_family (&ifaddrs[i].addr) == AF_INET
            || (is_far && (ifaddrs[i].flags & passing) == 0))
            view.network += zds_addr_hash (&ifaddrs[i].addr);
    }
    if (view.network == 0)
        view.network = 1;
    free (ifaddrs);
    return view;
}

void zds_host_format (const zds_addr_t *addr_, char *text_, size_t size_)
{
    char host[ZDS_ADDR_TEXT_SIZE];
    const unsigned port = zds_addr_port (addr_);

    /*  This looks up only the zone's name.  It fails without memory, or if it is no
        IP address.  */
    if (getnameinfo (&addr_->sa, (socklen_t) zds_addr_len (addr_), host,
                     sizeof host, NULL, 0, NI_NUMERICHOST)
        != 0)
        strcpy (host, "?");
    if (port == 0)
        snprintf (text_, size_, "%s", host);
    else if (zds_addr_family (addr_) == AF_INET6)
        snprintf (text_, size_, "[%s]:%u", host, port);
    else
        snprintf (text_, size_, "%s:%u", host, port);
}

int zds_host_zone (zds_endpoint_t *endpoint_)
{
    if (endpoint_->zone[0] == '\0')
        return 0;
    if (!isalpha ((unsigned char) endpoint_->zone[0]))
        endpoint_->scope = (uint32_t) atoi (endpoint_->zone);
#if !defined _WIN32 || _WIN32_WINNT >= 0x0600
    else
        endpoint_->scope = if_nametoindex (endpoint_->zone);
#endif
    return endpoint_->scope == 0 ? EINVAL : 0;
}

bool zds_lookup_hosts_line (char *line_, const char *host_, zds_addr_t *addr_)
{
    static const char blank[] = " \t\r\n";
    char *rest, *word;

    line_[strcspn (line_, "#")] = '\0';
    word = strtok_r (line_, blank, &rest);
    if (word == NULL || zds_addr_parse (addr_, word, AF_INET6) != 0)
        return false;
    while ((word = strtok_r (NULL, blank, &rest)) != NULL)
        if (zds_is_same_name (word, host_))
            return true;
    return false;
}

static bool is_loopback_in_hosts_file (const char *host_)
{
    char line[1024];
    zds_addr_t addr;
    bool found = false;
    FILE *file = fopen ("/etc/hosts", "re");

    if (file == NULL)
        return false;
    while (!found && fgets (line, sizeof line, file) != NULL)
        found = zds_lookup_hosts_line (line, host_, &addr)
                && zds_addr_class (&addr) == ZDS_CLASS_LOOPBACK;
    fclose (file);
    return found;
}

/*  RFC 6761 section 6.3.  */
static bool is_localhost (const char *host_)
{
    static const char name[] = "localhost";
    const size_t len = strlen (host_), name_len = sizeof name - 1;
    const char *const end = host_ + len - name_len;

    return len >= name_len && zds_is_same_name (end, name)
           && (len == name_len || end[-1] == '.');
}

bool zds_lookup_asks_ipv6 (const char *host_, bool has_ipv6_)
{
    return has_ipv6_ || is_localhost (host_)
           || is_loopback_in_hosts_file (host_);
}

static int ask (const char *host_, int family_, struct addrinfo **result_)
{
    const struct addrinfo hints = {
      .ai_family = family_,
      /*  Not used, but avoids the same address three times.  */
      .ai_socktype = SOCK_STREAM,
      .ai_flags = AI_CANONNAME};

    *result_ = NULL;
    return getaddrinfo (host_, NULL, &hints, result_);
}

/*  Whether the look-up may succeed the next time.  */
static bool is_temporary (int rc_)
{
#ifdef EAI_SYSTEM
    if (rc_ == EAI_SYSTEM)
        return true;
#endif
    return rc_ == EAI_AGAIN || rc_ == EAI_MEMORY;
}

/*  Names with a trailing dot, and names with as many dots as resolv.conf asks for,
    are tried as they stand before the search list.  */
static bool is_exact (const char *host_, const char *canonical_)
{
    const size_t len = strlen (host_);
    bool tried = len > 0 && host_[len - 1] == '.';

#ifdef __GLIBC__
    unsigned dots = 0, i;
    for (i = 0; i < len; i++)
        dots += host_[i] == '.';
    if ((_res.options & RES_INIT) != 0 && dots >= _res.ndots
        && canonical_ != NULL && zds_is_same_name (host_, canonical_))
        tried = true;
#else
    (void) canonical_;
#endif
    return tried;
}

static void take (const struct addrinfo *list_, zds_answer_t *answer_)
{
    for (; list_ != NULL && answer_->count < ZDS_MAX_ADDRS;
         list_ = list_->ai_next)
        if (zds_addr_from_sockaddr (&answer_->addr[answer_->count],
                                    list_->ai_addr, (size_t) list_->ai_addrlen)
            == 0)
            /*  A hosts file may say ::ffff:a.b.c.d.  */
            zds_addr_unmap (&answer_->addr[answer_->count++]);
}

void zds_lookup (const char *host_, zds_look_t look_, zds_answer_t *answer_)
{
    static const int family[ZDS_LOOKS] = {AF_UNSPEC, AF_INET6, AF_INET};
    struct addrinfo *list;
    const int rc = ask (host_, family[look_], &list);

    if (rc != 0) {
        answer_->status =
          is_temporary (rc) ? ZDS_LOOKUP_TEMPORARY : ZDS_LOOKUP_DONE;
        return;
    }
    take (list, answer_);
    answer_->host = zds_hash_name (list == NULL ? NULL : list->ai_canonname);
    answer_->is_exact =
      is_exact (host_, list == NULL ? NULL : list->ai_canonname);
    freeaddrinfo (list);
}

/*  Whether somebody with fewer rights started the program.  */
static bool is_privileged (void)
{
#if defined __linux__ && !defined __ANDROID__
    return getauxval (AT_SECURE) != 0;
#elif defined __FreeBSD__ || defined __NetBSD__ || defined __OpenBSD__         \
  || defined __DragonFly__ || defined __APPLE__
    return issetugid () != 0;
#else
    return false;
#endif
}

/*  True for the first caller in the process.  */
static bool first_time (void)
{
    static int done;
#if defined __GNUC__ || defined __clang__
    return __atomic_exchange_n (&done, 1, __ATOMIC_RELAXED) == 0;
#else
    /*  Two threads may both be first, and then the line appears twice.  */
    return done++ == 0;
#endif
}

static void warn (const char *where_, const char *what_)
{
    fprintf (stderr, "libzmq: %s: ignored: %s\n", where_, what_);
}

#ifndef _WIN32

enum
{
    MAX_FILE_SIZE = 1 << 16
};

/*  Why a file does not count; NULL if it does.  */
static const char *check_file (const struct stat *about_)
{
    if (!S_ISREG (about_->st_mode))
        return "it is no regular file";
    if (about_->st_uid != 0)
        return "it does not belong to root";
    if ((about_->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return "others than root may write it";
    return about_->st_size > MAX_FILE_SIZE ? "it is too large" : NULL;
}

/*  Reads all of it, up to the bound, because its size may have changed.  */
static char *read_all (int fd_, const char **why_)
{
    char *const text = (char *) malloc (MAX_FILE_SIZE + 2);
    size_t used = 0;
    ssize_t got = 1;

    *why_ = text == NULL ? "out of memory" : NULL;
    while (text != NULL && got > 0 && used <= MAX_FILE_SIZE) {
        got = read (fd_, text + used, MAX_FILE_SIZE + 1 - used);
        used += got > 0 ? (size_t) got : 0;
    }
    if (got < 0)
        *why_ = "it cannot be read";
    else if (used > MAX_FILE_SIZE)
        *why_ = "it is too large";
    else if (text != NULL && memchr (text, '\0', used) != NULL)
        *why_ = "there is a NUL byte in it";
    if (*why_ != NULL) {
        free (text);
        return NULL;
    }
    text[used] = '\0';
    return text;
}

char *zds_host_settings_text (const char *path_, const char **why_)
{
    /*  Whatever the path leads to: do not wait for a FIFO's writer, and acquire no
        terminal.  */
    const int fd =
      open (path_, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
    struct stat about;
    char *text = NULL;

    *why_ = NULL;
    if (fd < 0) {
        if (errno == ELOOP || errno == EMLINK)
            *why_ = "it is a symbolic link";
        else if (errno != ENOENT && errno != ENOTDIR)
            *why_ = "it cannot be opened";
        return NULL;
    }
    *why_ = fstat (fd, &about) == 0 ? check_file (&about) : "it has no status";
    if (*why_ == NULL)
        text = read_all (fd, why_);
    close (fd);
    return text;
}

const char *zds_host_name_in_proc (const char *path_, char *name_)
{
    ssize_t len = readlink (path_, name_, ZDS_PATH_SIZE - 1);
    const char *slash;
    int fd;

    if (len < 0) {
        fd = open (path_, O_RDONLY | O_CLOEXEC);
        len = fd < 0 ? 0 : read (fd, name_, ZDS_PATH_SIZE - 1);
        if (fd >= 0)
            close (fd);
    }
    name_[len < 0 ? 0 : len] = '\0';
    name_[strcspn (name_, "\n")] = '\0';
    /*  A program that was replaced while it ran is "NAME (deleted)".  */
    if (len > 10 && strcmp (name_ + len - 10, " (deleted)") == 0)
        name_[len - 10] = '\0';
    slash = strrchr (name_, '/');
    return slash == NULL ? name_ : slash + 1;
}

/*  Root decides the name of the program's file, but anybody can choose its title,
    which therefore counts only where the program gives its user no further
    rights.  */
static void take_file (zds_settings_t *settings_,
                       const char *path_,
                       char *complaint_,
                       size_t size_)
{
    char file[ZDS_PATH_SIZE], title[ZDS_PATH_SIZE];
    const char *why;
    char *const text = zds_host_settings_text (path_, &why);

    if (text != NULL)
        zds_settings_file (
          settings_, text, zds_host_name_in_proc ("/proc/self/exe", file),
          is_privileged () ? NULL
                           : zds_host_name_in_proc ("/proc/self/comm", title),
          complaint_, size_);
    else if (why != NULL)
        snprintf (complaint_, size_, "%s", why);
    free (text);
}

#else
#define take_file(settings, path, complaint, size) ((void) (path))
#endif

zds_settings_t zds_host_settings (const char *file_)
{
    zds_settings_t settings;
    char of_file[256] = "", of_environment[256] = "";

    zds_settings_default (&settings);
    take_file (&settings, file_, of_file, sizeof of_file);
    if (!is_privileged ())
        zds_settings_words (&settings, getenv ("ZMQ_DUALSTACK"), of_environment,
                            sizeof of_environment);
    if ((of_file[0] == '\0' && of_environment[0] == '\0') || !first_time ())
        return settings;
    if (of_file[0] != '\0')
        warn (file_, of_file);
    if (of_environment[0] != '\0')
        warn ("ZMQ_DUALSTACK", of_environment);
    return settings;
}
