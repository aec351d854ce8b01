/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <iphlpapi.h>
#else
#include <net/if.h>
#include <time.h>
#include <unistd.h>
#endif

/*  Systems known to have getifaddrs.  The core is built without libzmq too, so
    it does not ask libzmq's configure.  */
#if defined __ANDROID_API__ && __ANDROID_API__ < 24
#elif defined __linux__ || defined __FreeBSD__ || defined __NetBSD__           \
  || defined __OpenBSD__ || defined __DragonFly__ || defined __APPLE__         \
  || defined __GNU__ || defined __QNXNTO__
#define ZDS_HAVE_GETIFADDRS
#include <ifaddrs.h>
#endif

#ifdef ZDS_HAVE_GETIFADDRS

/*  A list under construction.  */
typedef struct
{
    zds_ifaddr_t *at;
    size_t count;
    size_t room;
} list_t;

static int append (list_t *list_, const char *name_, const zds_addr_t *addr_)
{
    zds_ifaddr_t *entry;

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
    memset (entry, 0, sizeof *entry);
    entry->addr = *addr_;
    /*  No interface has a longer name; if one had, it could not be bound.  */
    if (strlen (name_) >= sizeof entry->name)
        return 0;
    strcpy (entry->name, name_);
    list_->count++;
    return 0;
}

/*  getifaddrs gives up with ECONNREFUSED when many threads ask at once.  */
static int get_ifaddrs_patiently (struct ifaddrs **list_)
{
    const int max_tries = 10;
    int i;

    for (i = 0; i < max_tries; i++) {
        struct timespec pause = {0, (1L << i) * 1000000L};
        if (getifaddrs (list_) == 0)
            return 0;
        if (errno != ECONNREFUSED)
            break;
        nanosleep (&pause, NULL);
    }
    return errno;
}

#ifdef __linux__

/*  The kernel's bits in /proc/net/if_inet6 (linux/if_addr.h).  */
enum
{
    KERNEL_TEMPORARY = 0x01,
    KERNEL_DADFAILED = 0x08,
    KERNEL_DEPRECATED = 0x20,
    KERNEL_TENTATIVE = 0x40
};

static unsigned flags_from_kernel (unsigned bits_)
{
    return ((bits_ & KERNEL_TEMPORARY) != 0 ? ZDS_IFADDR_TEMPORARY : 0u)
           | ((bits_ & KERNEL_DADFAILED) != 0 ? ZDS_IFADDR_DUPLICATE : 0u)
           | ((bits_ & KERNEL_DEPRECATED) != 0 ? ZDS_IFADDR_DEPRECATED : 0u)
           | ((bits_ & KERNEL_TENTATIVE) != 0 ? ZDS_IFADDR_TENTATIVE : 0u);
}

static void mark (list_t *list_,
                  const char *name_,
                  const struct in6_addr *addr_,
                  unsigned flags_)
{
    size_t i;

    for (i = 0; i < list_->count; i++) {
        zds_ifaddr_t *entry = &list_->at[i];
        if (zds_addr_family (&entry->addr) == AF_INET6
            && memcmp (&entry->addr.v6.sin6_addr, addr_, sizeof *addr_) == 0
            && strcmp (entry->name, name_) == 0)
            entry->flags = flags_;
    }
}

static int parse_hex_addr (struct in6_addr *addr_, const char *hex_)
{
    unsigned i, byte;

    if (strlen (hex_) != 2 * sizeof *addr_)
        return -1;
    for (i = 0; i < sizeof *addr_; i++) {
        if (sscanf (hex_ + 2 * i, "%2x", &byte) != 1)
            return -1;
        ((uint8_t *) addr_)[i] = (uint8_t) byte;
    }
    return 0;
}

/*  getifaddrs keeps an address's flags to itself, so they come from the file
    that lists them.  Of the thread, not the process: threads may live in
    network namespaces of their own.  Without /proc there are none.  0, or the
    errno of a shortage that may be over in a moment.  */
static int add_flags (list_t *list_)
{
    char line[128], hex[33], name[64];
    unsigned bits;
    struct in6_addr addr;
    FILE *file = fopen ("/proc/thread-self/net/if_inet6", "re");

    if (file == NULL)
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? errno
                                                                     : 0;
    while (fgets (line, sizeof line, file) != NULL)
        if (sscanf (line, "%32s %*x %*x %*x %x %63s", hex, &bits, name) == 3
            && parse_hex_addr (&addr, hex) == 0)
            mark (list_, name, &addr, flags_from_kernel (bits));
    fclose (file);
    return 0;
}

#else

static int add_flags (list_t *list_)
{
    (void) list_;
    return 0;
}

#endif

int zds_host_ifaddrs (const char *name_,
                      zds_ifaddr_t **ifaddrs_,
                      size_t *count_)
{
    struct ifaddrs *all = NULL;
    const struct ifaddrs *one;
    list_t list = {NULL, 0, 0};
    int rc = get_ifaddrs_patiently (&all);

    *ifaddrs_ = NULL;
    *count_ = 0;
    if (rc != 0)
        return rc;

    for (one = all; one != NULL && rc == 0; one = one->ifa_next) {
        zds_addr_t addr;
        if (name_ != NULL && strcmp (name_, one->ifa_name) != 0)
            continue;
        /*  getifaddrs does not tell the length; its family vouches for it.  */
        if (one->ifa_addr != NULL
            && zds_addr_from_sockaddr (&addr, one->ifa_addr, sizeof addr) == 0)
            rc = append (&list, one->ifa_name, &addr);
    }
    freeifaddrs (all);
    /*  One file less to open for who binds a literal.  */
    if (rc == 0 && list.count > 0)
        rc = add_flags (&list);
    if (rc != 0) {
        free (list.at);
        return rc;
    }

    *ifaddrs_ = list.at;
    *count_ = list.count;
    return 0;
}

bool zds_host_has_ipv6 (void)
{
    struct ifaddrs *all = NULL;
    const struct ifaddrs *one;
    bool found = false;

    if (get_ifaddrs_patiently (&all) != 0)
        return true;
    for (one = all; one != NULL && !found; one = one->ifa_next) {
        zds_addr_t addr;
        if (one->ifa_addr != NULL && one->ifa_addr->sa_family == AF_INET6
            && zds_addr_from_sockaddr (&addr, one->ifa_addr, sizeof addr) == 0)
            found = zds_addr_class (&addr) == ZDS_CLASS_GLOBAL
                    || zds_addr_class (&addr) == ZDS_CLASS_UNIQUE_LOCAL;
    }
    freeifaddrs (all);
    return found;
}

#else

bool zds_host_has_ipv6 (void)
{
    return true;
}

int zds_host_ifaddrs (const char *name_,
                      zds_ifaddr_t **ifaddrs_,
                      size_t *count_)
{
    (void) name_;
    *ifaddrs_ = NULL;
    *count_ = 0;
    return ENOTSUP;
}

#endif

int zds_host_zone (const zds_endpoint_t *endpoint_, uint32_t *index_)
{
    *index_ = 0;
    if (endpoint_->zone[0] == '\0')
        return 0;
    if (!zds_zone_is_name (endpoint_->zone))
        *index_ = zds_zone_number (endpoint_->zone);
#if !defined _WIN32 || _WIN32_WINNT >= 0x0600
    else
        *index_ = if_nametoindex (endpoint_->zone);
#endif
    return *index_ == 0 ? EINVAL : 0;
}

int zds_host_filter (zds_filter_t *filter_, const char *text_, zds_mode_t mode_)
{
    zds_endpoint_t address;
    const char *bits;
    uint32_t zone_index;
    int rc = zds_filter_split (text_, &address, &bits);

    if (rc == 0)
        rc = zds_host_zone (&address, &zone_index);
    if (rc == 0)
        rc = zds_filter_make (filter_, &address, bits, mode_);
    return rc;
}

int zds_host_pgm_check (const char *network_)
{
    zds_ifaddr_t *ifaddrs;
    size_t count;
    int rc;

    /*  Without the list, literals are still recognised, and OpenPGM, which
        needs the list too, has the last word.  */
    zds_host_ifaddrs (NULL, &ifaddrs, &count);
    rc = zds_pgm_check (network_, ifaddrs, count);
    free (ifaddrs);
    return rc;
}

static const char *environment (const char *name_)
{
#if defined __linux__ && !defined __ANDROID__
    return secure_getenv (name_);
#elif defined __FreeBSD__ || defined __NetBSD__ || defined __OpenBSD__         \
  || defined __DragonFly__ || defined __APPLE__
    return issetugid () ? NULL : getenv (name_);
#else
    return getenv (name_);
#endif
}

/*  True for the first caller in the process.  */
static bool first_time (void)
{
    static int done;
#if defined __GNUC__ || defined __clang__
    return __atomic_exchange_n (&done, 1, __ATOMIC_RELAXED) == 0;
#else
    /*  Two threads at once may both be first, and the line appears twice.  */
    return done++ == 0;
#endif
}

zds_settings_t zds_host_settings (void)
{
    zds_settings_t settings;
    char unknown[128];

    zds_settings_parse (&settings, environment ("ZMQ_DUALSTACK"), unknown,
                        sizeof unknown);
    if (unknown[0] != '\0' && first_time ())
        fprintf (stderr, "libzmq: ZMQ_DUALSTACK: ignored, not known: %s\n",
                 unknown);
    return settings;
}
