/* SPDX-License-Identifier: MPL-2.0 */

/*  IP addresses as plain values, and the text of a tcp endpoint taken apart.

    Everything here depends on its arguments alone: no sockets, no look-ups, no
    state.  Safe to call from any thread.  Functions that can fail return 0 or
    an errno value; errno itself means nothing after them.  */

#ifndef ZDS_ADDR_H_INCLUDED
#define ZDS_ADDR_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*  One IPv4 or IPv6 address with its port; 'sa.sa_family' says which.
    Unlike sockaddr_storage it is no larger than IPv6 needs.  */
typedef union
{
    struct sockaddr sa;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} zds_addr_t;

/*  What an IPv6 address is good for, from the widest reach to the narrowest
    (RFC 4291 section 2.4, RFC 4193).  IPv4 addresses have no class.  */
typedef enum
{
    ZDS_CLASS_GLOBAL,
    ZDS_CLASS_UNIQUE_LOCAL,
    ZDS_CLASS_LINK_LOCAL,
    ZDS_CLASS_LOOPBACK,
    ZDS_CLASS_UNSPECIFIED,
    ZDS_CLASS_MAPPED_IPV4
} zds_class_t;

enum
{
    ZDS_FAMILIES = 2, /* so many there are */
    /*  Sets of them; the same bits as those of the look-ups for one (ZDS_LOOK_BIT).  */
    ZDS_FOR_IPV6 = 2,
    ZDS_FOR_IPV4 = 4
};

/*  How a ZeroMQ socket treats the two address families.

    AUTO  the application said nothing: dual stack, and what it reads back is
          what an IPv4-only socket would have shown wherever that one works
    V6    the application set ZMQ_IPV6=1 (or ZMQ_IPV4ONLY=0)
    V4    the application set ZMQ_IPV6=0 (or ZMQ_IPV4ONLY=1), or said nothing
          where the administrator switched dual stack off  */
typedef enum
{
    ZDS_MODE_AUTO,
    ZDS_MODE_V6,
    ZDS_MODE_V4
} zds_mode_t;

/*  The wildcard address of 'family_' (AF_INET or AF_INET6), port 0.  */
void zds_addr_any (zds_addr_t *addr_, int family_);

/*  Copies a socket address of 'len_' bytes.  EAFNOSUPPORT when it is neither
    IPv4 nor IPv6, EINVAL when it is too short for its family.  */
int zds_addr_from_sockaddr (zds_addr_t *addr_,
                            const struct sockaddr *sa_,
                            size_t len_);

/*  The number of bytes of '*addr_' that bind() and connect() take.  */
size_t zds_addr_len (const zds_addr_t *addr_);

int zds_addr_family (const zds_addr_t *addr_);

/*  ZDS_FOR_... of its family.  */
unsigned zds_addr_for (const zds_addr_t *addr_);

/*  The port, in host byte order.  */
uint16_t zds_addr_port (const zds_addr_t *addr_);
void zds_addr_set_port (zds_addr_t *addr_, uint16_t port_);

/*  Reads an address literal, without port and brackets, as 'family_'.

    The platform's own getaddrinfo reads it (AI_NUMERICHOST: it parses and
    looks nothing up), so that exactly those spellings are taken which libzmq
    takes on this platform: 127.1 and 0x7f000001 too on most of them.

    EINVAL when the text is no literal of that family, ENOMEM.  */
int zds_addr_parse (zds_addr_t *addr_, const char *text_, int family_);

/*  Compares family, address, scope and port, no matter how the arguments were
    made.  */
bool zds_addr_equal (const zds_addr_t *a_, const zds_addr_t *b_);

/*  Continues the FNV-1a hash 'hash_', which is ZDS_HASH at first, with some
    bytes.  */
#define ZDS_HASH 14695981039346656037u
uint64_t zds_hash (uint64_t hash_, const void *data_, size_t size_);

/*  A number for a set of addresses: the sum of those of its members, in any order.
    Ports do not count.  */
uint64_t zds_addr_hash (const zds_addr_t *addr_);

/*  Requires an IPv6 address.  */
zds_class_t zds_addr_class (const zds_addr_t *addr_);

/*  Turns ::ffff:a.b.c.d into a.b.c.d and back (RFC 4291 section 2.5.5.2).
    Any other address is left as it is; the port stays.  */
void zds_addr_unmap (zds_addr_t *addr_);
void zds_addr_map (zds_addr_t *addr_);

/*  The address that an IPv4-only socket would show in place of the one a
    dual-stack socket shows: a mapped address becomes IPv4, and the IPv6
    wildcard becomes 0.0.0.0.  True IPv6 addresses stay.  */
void zds_addr_as_ipv4 (zds_addr_t *addr_);

/*  The same for a socket address as the system returned it: rewrites the
    buffer and gives the length that it has then.  */
size_t zds_sockaddr_as_ipv4 (struct sockaddr *sa_, size_t len_);

/*  The address as a socket of this mode needs it: in mode V6 IPv4 goes through IPv6
    sockets, as it always did, so that applications see the addresses that they know.
    On a kernel without IPv6 the address itself will do.  */
zds_addr_t zds_addr_through (zds_mode_t mode_, const zds_addr_t *addr_);

/*  The grammar of endpoints is libzmq's, with its tolerance: what it accepts is
    accepted with the same meaning, what it rejects is rejected with the same errno.  */

/*  The longest host part that can mean anything, with its final NUL: NI_MAXHOST
    of the systems that have one.  A longer one is no address, no interface and
    no name, and is handled as a host that does not exist.  */
#define ZDS_HOST_SIZE 1025

/*  HOST[%ZONE]:PORT with the brackets around HOST removed.  */
typedef struct
{
    char host[ZDS_HOST_SIZE];
    char zone[ZDS_HOST_SIZE]; /* empty: none given */
    uint32_t scope;           /* the zone's index: zds_host_zone; 0: none */
    uint16_t port;            /* host byte order; 0: the system's choice */
    bool host_too_long;       /* then 'host' is empty */
} zds_endpoint_t;

typedef enum
{
    ZDS_PORT_CONNECT, /* a number, or 0 */
    ZDS_PORT_BIND     /* a number, 0, or * */
} zds_port_rule_t;

/*  Takes 'text_' (without tcp:// and without the source address) apart.
    The port is read as atoi reads it, as libzmq does: " 80" and "80x" are 80,
    65537 is 1.  Returns 0, or EINVAL: no colon, no number or port 0 spelt
    otherwise than "0", an empty zone.  */
int zds_endpoint_parse (zds_endpoint_t *endpoint_,
                        const char *text_,
                        zds_port_rule_t port_rule_);

/*  Where the part after the last ';' of 'text_' begins, or 'text_' itself if
    there is no ';'.  tcp://SOURCE;DESTINATION  */
const char *zds_endpoint_destination (const char *text_);

/*  Reads the host of '*endpoint_' as an address literal, of IPv4 if it can be
    one, else of IPv6; sets the port and, for IPv6, the scope.
    Returns 0, EINVAL when it is no literal, ENOMEM.  */
int zds_endpoint_literal (const zds_endpoint_t *endpoint_, zds_addr_t *addr_);

/*  Whether two DNS names are the same: DNS does not tell capital letters from small
    ones (RFC 4343).  */
bool zds_is_same_name (const char *a_, const char *b_);

/*  A number for such a name, the same for all its spellings.  0 for none: NULL, or empty.  */
uint64_t zds_hash_name (const char *name_);

/*  Whether the host is "localhost", which means the loopback addresses without
    any look-up (RFC 6761 section 6.3).  */
bool zds_endpoint_is_localhost (const zds_endpoint_t *endpoint_);

/*  Whether a host that is no literal may be a name, for transports that check this
    before the look-up (ws).  */
bool zds_endpoint_may_be_name (const char *host_);

#ifdef __cplusplus
}
#endif

#endif
