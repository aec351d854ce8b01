/* SPDX-License-Identifier: MPL-2.0 */

/*  Binding: which listening sockets an endpoint asks for, and how to get all
    of them or none.

    zds_bind_plan_make turns the text of an endpoint and the addresses of the
    host into a plan.  zds_bind_t carries the plan out: it names one step after
    the other, the caller does it and says how it went.  Nothing here opens a
    socket, reads a clock or allocates; a test invents the host.  Not safe to
    share between threads without a lock; nothing is global.  */

#ifndef ZDS_BIND_H_INCLUDED
#define ZDS_BIND_H_INCLUDED

#include "zds_addr.h"

#ifdef __cplusplus
extern "C" {
#endif

/*  An address of one of the host's interfaces.  */
typedef struct
{
    char name[256]; /* of the interface, or an IPv4 alias label (eth0:1) */
    zds_addr_t addr;
    unsigned flags; /* ZDS_IFADDR_...; 0 where the system does not tell */
} zds_ifaddr_t;

/*  The values are those of Linux, which has more.  */
enum
{
    ZDS_IFADDR_TEMPORARY = 0x01,  /* RFC 8981 */
    ZDS_IFADDR_DUPLICATE = 0x08,  /* RFC 4862 section 5.4: another host's */
    ZDS_IFADDR_DEPRECATED = 0x20, /* RFC 4862 section 5.5.4 */
    ZDS_IFADDR_TENTATIVE = 0x40   /* detection of duplicates still runs */
};

typedef enum
{
    ZDS_V6ONLY_NONE, /* an IPv4 socket */
    ZDS_V6ONLY_OFF,
    ZDS_V6ONLY_ON
} zds_v6only_t;

/*  One listening socket to open.  */
typedef struct
{
    zds_addr_t addr;
    zds_v6only_t v6only;
    /*  Bind although the address does not work yet (IP_FREEBIND): it is still
        tentative.  */
    bool freebind;
    /*  The bind goes on without this one if it cannot be had, since stock would
        have bound the other alone.  A port that is taken, or a system that has run
        out of something, still fails the bind.  */
    bool optional;
    /*  The socket stands in for an IPv4 one: show its IPv4 peers, and its own
        wildcard address, as IPv4.  */
    bool as_ipv4;
} zds_listener_t;

enum
{
    ZDS_MAX_LISTENERS = 2 /* one per family */
};

/*  The first listener is the one that names the endpoint to the application
    (ZMQ_LAST_ENDPOINT, monitor events).  */
typedef struct
{
    zds_listener_t listener[ZDS_MAX_LISTENERS];
    unsigned count;
    bool follows;    /* an interface's IPv6 addresses may come later (B-12) */
    const char *why; /* static text, for people: which rule made the plan */
} zds_bind_plan_t;

/*  The text of a bind, or of a connection's source address, and where it has a
    meaning.  */
typedef struct
{
    zds_endpoint_t endpoint;
    zds_mode_t mode;
    const zds_ifaddr_t *ifaddrs; /* the host's, or those of that interface */
    size_t count;
} zds_local_t;

/*  What the text of a bind asks for.  'any_': 0.0.0.0 means * (B-11).

    Returns 0; ENODEV when the host part is neither *, nor an interface with an
    address of a wanted family, nor a literal of a wanted family: the caller may
    then look the name up and call zds_bind_plan_names; ENOMEM.  */
int zds_bind_plan_make (zds_bind_plan_t *plan_,
                        const zds_local_t *local_,
                        bool any_);

/*  The same for the addresses that a look-up of a name gave: the first of each
    family, the IPv6 one in the endpoint's zone if it has one.  ENODEV when there is
    none of a wanted family.  */
int zds_bind_plan_names (zds_bind_plan_t *plan_,
                         const zds_local_t *local_,
                         const zds_addr_t *addrs_,
                         size_t count_);

/*  The address of a family that stands for the interface 'name_'; NULL if it has
    none.  For IPv4 it is the first.  For IPv6 it is, for a listener ('destination_'
    NULL), the best by rule B-2.  For connections to the IPv6 address 'destination_',
    it is one of that scope if the destination is link-local or unique-local (C-10),
    else the best by B-2, and a tentative one only if there is no other.  Points into
    'ifaddrs_'.  */
const zds_ifaddr_t *zds_ifaddr_choose (const char *name_,
                                       int family_,
                                       const zds_addr_t *destination_,
                                       const zds_ifaddr_t *ifaddrs_,
                                       size_t count_);

/*  Why the address 'ifaddrs_[index_]' stands for its interface in a socket of this
    mode, or why another one does; static text, for people.  '*chosen_' says which of
    the two it is.  'ifaddrs_' are the addresses of one interface or of all.  */
const char *zds_ifaddr_why (const zds_ifaddr_t *ifaddrs_,
                            size_t count_,
                            size_t index_,
                            zds_mode_t mode_,
                            bool *chosen_);

/*  Whether IPV6_V6ONLY has to be set as the listener says.  Otherwise failing to set
    it does no harm: an address of one family has no use for the other.  */
bool zds_listener_needs_v6only (const zds_listener_t *listener_);

typedef enum
{
    ZDS_BIND_OPEN, /* open, bind and listen as 'listener' says, keep as 'slot' */
    ZDS_BIND_CLOSE, /* close what is kept as 'slot' */
    ZDS_BIND_DONE,  /* the sockets in the slots below 'slot' are the bind */
    ZDS_BIND_FAILED /* nothing is open; 'error' is the errno to report */
} zds_bind_op_t;

/*  Where opening a listener failed.  */
typedef enum
{
    ZDS_AT_SOCKET, /* socket () itself */
    ZDS_AT_V6ONLY, /* IPV6_V6ONLY could not be set as wanted */
    ZDS_AT_OPTION, /* any other socket option */
    ZDS_AT_BIND    /* bind () or listen () */
} zds_bind_stage_t;

typedef struct
{
    zds_bind_op_t op;
    unsigned slot;
    int error;
    zds_listener_t listener;
} zds_bind_step_t;

/*  A bind under way.  The caller owns it and every socket.  */
typedef struct
{
    zds_bind_plan_t plan;
    unsigned opened;      /* slots in use */
    unsigned tries;       /* ports given up because one family had them taken */
    bool reversed;        /* the last listener goes first */
    uint16_t port;        /* that all sockets share; 0: not known yet */
    bool port_is_systems; /* the endpoint left the choice to the system */
    bool closing;
    int error; /* of a bind that failed; 0 while closing to try again */
} zds_bind_t;

enum
{
    ZDS_BIND_MAX_TRIES = 100
};

/*  Copies the plan.  */
void zds_bind_start (zds_bind_t *bind_, const zds_bind_plan_t *plan_);

/*  The step to do now.  Asking twice gives the same answer.  */
zds_bind_step_t zds_bind_next (const zds_bind_t *bind_);

/*  The step ZDS_BIND_OPEN succeeded, on this port; 0 if the system does not tell the
    port, so that no further socket can have the same.  */
void zds_bind_opened (zds_bind_t *bind_, uint16_t port_);

/*  The step ZDS_BIND_OPEN failed; the caller has closed the socket, if there was
    one.  'error_' is a positive errno.  */
void zds_bind_failed (zds_bind_t *bind_, zds_bind_stage_t stage_, int error_);

/*  The step ZDS_BIND_CLOSE is done.  */
void zds_bind_closed (zds_bind_t *bind_);

/*  A bind to an interface that follows the interface's IPv6 addresses, on the same
    port (B-12).  IPv4 stays where it is.  */
typedef struct
{
    char name[256]; /* of the interface */
    uint16_t port;
    zds_addr_t bound; /* what listens now; family 0: nothing */
} zds_follow_t;

/*  Begins to follow after a bind whose plan 'follows'.  */
void zds_follow_start (zds_follow_t *follow_,
                       const zds_endpoint_t *endpoint_,
                       const zds_bind_t *bind_);

typedef struct
{
    const char *why; /* static text, for people; NULL: there is nothing to do */
    /*  To open; if that succeeds, what is bound is to be closed.  Its address is of
        family 0 if that is all.  */
    zds_listener_t listener;
} zds_follow_step_t;

/*  What to do now that the interface has these addresses.  The caller does it, and
    then sets 'bound' to the listener's address.  The bind moves to a better address (B-2) as soon as that can
    be used, and never between two that are equally good.  */
zds_follow_step_t zds_follow_next (const zds_follow_t *follow_,
                                   const zds_ifaddr_t *ifaddrs_,
                                   size_t count_);

/*  The source for a connection to 'to_': * is any address; an interface is its address
    that suits the destination, link-local for link-local, unique-local for
    unique-local (C-10); a literal is that address.  In mode V6, :: is the source for
    both families, as it always was.  Returns 0; ENODEV when the text is no source
    address, or an interface without this family; EAFNOSUPPORT for a literal of the
    other family; ENOMEM.  */
int zds_source_for (const zds_local_t *source_,
                    const zds_addr_t *to_,
                    zds_addr_t *addr_);

/*  The families that may be used (ZDS_FOR_...): those of the mode, of the source
    (NULL: none given), and of the destination if that is a literal (else NULL).
    Returns 0; EAFNOSUPPORT when there is none; ENODEV when the source is no source
    address; ENOMEM.  */
int zds_families (zds_mode_t mode_,
                  const zds_local_t *source_,
                  const zds_addr_t *literal_,
                  unsigned *families_);

#ifdef __cplusplus
}
#endif

#endif
