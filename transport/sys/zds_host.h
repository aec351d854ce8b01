/* SPDX-License-Identifier: MPL-2.0 */

/*  What the system says: of the host's interfaces, of names (through its own resolver,
    so that the hosts file, nsswitch.conf, mDNS and gai.conf count), and the
    administrator's settings.  */

#ifndef ZDS_HOST_H_INCLUDED
#define ZDS_HOST_H_INCLUDED

#include "zds_bind.h"
#include "zds_ask.h"
#include "zds_settings.h"

#ifdef __cplusplus
extern "C" {
#endif

/*  The addresses of the interface 'name_', or of all for NULL, up or down, in
    the system's order, as one malloc'ed array that the caller frees (NULL when
    there are none).  May wait up to a second while the system is too busy to
    answer.  Safe in any thread; of the calling thread's network namespace.  Only
    Linux tells their flags (rtnetlink).

    Returns 0 or an errno: ENOMEM, ENOTSUP on a system without getifaddrs, or what
    the system says (EMFILE, ENOBUFS ...).  */
int zds_host_ifaddrs (const char *name_,
                      zds_ifaddr_t **ifaddrs_,
                      size_t *count_);

/*  What matters to connections about this host's addresses.  */
typedef struct
{
    /*  Over IPv6 it can reach more than itself and its links: it has an IPv6 address
        that is neither loopback nor link-local.  True where that cannot be found
        out.  */
    bool has_ipv6;
    /*  A number for the set of addresses, by which a change of network is noticed; 0
        where it cannot be had.  Loopback, link-local and temporary ones do not
        count.  */
    uint64_t network;
} zds_host_view_t;

/*  Asks the system each time, as zds_host_ifaddrs does.  */
zds_host_view_t zds_host_view (void);

/*  A descriptor that can be read from when an IPv6 address of the calling thread's
    network namespace comes, goes or changes its flags.  The caller closes it.
    Returns 0 or an errno; ENOTSUP on systems other than Linux.  */
int zds_host_watch (int *fd_);

/*  Empties it.  Does not wait.  */
void zds_host_drain (int fd_);

/*  A number for the network namespace of a socket that the calling thread has just
    made, different for each namespace; 0 where there are none.  */
uint64_t zds_host_netns (int fd_);

enum
{
    /*  Room for any address as zds_host_format writes it: an IPv6 address, the
        name of an interface (at most 255 characters), brackets and port.  */
    ZDS_ADDR_TEXT_SIZE = 320,
    ZDS_PATH_SIZE = 4096 /* Linux has none that is longer */
};

/*  Writes "192.0.2.1:5555", "[2001:db8::1]:5555" or "[fe80::1%eth0]:5555"; without
    the port and the brackets if the port is 0.  A zone without a name is its
    number.  Cut where it does not fit into 'size_' > 0 bytes.  */
void zds_host_format (const zds_addr_t *addr_, char *text_, size_t size_);

/*  Sets the endpoint's 'scope': the index of the interface that its zone names, or that
    it is (what begins with no letter is read as atoi reads it).  EINVAL when there is no
    such interface, or the number is 0.  */
int zds_host_zone (zds_endpoint_t *endpoint_);

/*  Reads a settings file (see zds_settings.h).  It counts only if it is a regular
    file of at most 64 kB, without NUL bytes, that belongs to root and that nobody
    else may write; a symbolic link does not.  Returns its text, which the caller
    frees; or NULL, and in '*why_' a static text: NULL where there is no such file.  Not
    on Windows.  */
char *zds_host_settings_text (const char *path_, const char **why_);

/*  A program's name, from the link /proc/PID/exe (its last part, even if that file
    was deleted or replaced) or from the file /proc/PID/comm (its first line).  Points
    into 'name_', which has ZDS_PATH_SIZE bytes; empty if it cannot be told.  Not on
    Windows.  */
const char *zds_host_name_in_proc (const char *path_, char *name_);

/*  The settings of this process: those of 'file_' (ZDS_SETTINGS_FILE), overridden by
    those of the environment variable ZMQ_DUALSTACK, which a set-user-ID program or one
    with capabilities does not read.  Errors in either are reported on stderr, once in
    a process.  It reads the environment, so no other thread may change that
    meanwhile.  */
zds_settings_t zds_host_settings (const char *file_);

/*  Whether IPv6 addresses of 'host_' are of use to an application that said nothing
    about families.  They are on a host that has IPv6 (zds_host_view), and for names
    that lead to the host's loopback address: localhost, names below it, and names in
    the hosts file, which is read only if nothing else decides.  */
bool zds_lookup_asks_ipv6 (const char *host_, bool has_ipv6_);

/*  The zds_lookup_fn of libzmq.  Waits for name servers.

    One call of getaddrinfo, which also asks for the canonical name: that costs no
    further DNS query.  The order and the scopes are the libc's.

    If descriptors or memory run out, or name servers do not answer or fail for now
    (SERVFAIL), the look-up is ZDS_LOOKUP_TEMPORARY.  A failure that the system calls
    final (REFUSED) is an answer without an address.  */
void zds_lookup (const char *host_, zds_look_t look_, zds_answer_t *answer_);

/*  Reads a line of a hosts file, and changes it; true, with the address, if the line
    names 'host_' with an IPv6 address.  Pure.  */
bool zds_lookup_hosts_line (char *line_, const char *host_, zds_addr_t *addr_);

#ifdef __cplusplus
}
#endif

#endif
