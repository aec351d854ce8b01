/* SPDX-License-Identifier: MPL-2.0 */

#include "zds_bind.h"

#include <errno.h>
#include <string.h>

/*  IPv6 before IPv4; from the second element on, the other way round.  */
static const int family_at[] = {AF_INET6, AF_INET, AF_INET6};

static zds_addr_t with_port (const zds_addr_t *addr_, uint16_t port_)
{
    zds_addr_t addr = *addr_;

    zds_addr_set_port (&addr, port_);
    return addr;
}

/*  Adds a listener.  If there are two, the bind goes on without the second one if
    need be.  */
static zds_listener_t *
add (zds_bind_plan_t *plan_, const zds_addr_t *addr_, uint16_t port_)
{
    zds_listener_t *listener = &plan_->listener[plan_->count++];

    *listener = (zds_listener_t){.addr = with_port (addr_, port_)};
    listener->optional = plan_->count > 1;
    if (zds_addr_family (addr_) == AF_INET6)
        listener->v6only = ZDS_V6ONLY_ON;
    return listener;
}

static zds_listener_t *
add_any (zds_bind_plan_t *plan_, int family_, uint16_t port_)
{
    zds_addr_t any;

    zds_addr_any (&any, family_);
    return add (plan_, &any, port_);
}

static void start_plan (zds_bind_plan_t *plan_, const char *why_)
{
    *plan_ = (zds_bind_plan_t){.why = why_};
}

static void
plan_wildcard (zds_bind_plan_t *plan_, zds_mode_t mode_, uint16_t port_)
{
    const bool is_dual = mode_ != ZDS_MODE_V4;
    zds_listener_t *listener;

    start_plan (plan_, is_dual ? "* is one socket for both families"
                               : "* in an IPv4-only socket");
    listener = add_any (plan_, is_dual ? AF_INET6 : AF_INET, port_);
    listener->v6only = is_dual ? ZDS_V6ONLY_OFF : ZDS_V6ONLY_NONE;
    listener->as_ipv4 = mode_ == ZDS_MODE_AUTO;
}

/*  The wildcard on a system whose sockets cannot serve both families.  The
    family that stock libzmq would have bound names the endpoint.  */
static void plan_wildcard_pair (zds_bind_plan_t *plan_)
{
    const zds_listener_t dual = plan_->listener[0];
    const uint16_t port = zds_addr_port (&dual.addr);

    start_plan (plan_, "* is a socket per family: this system has no other");
    add_any (plan_, dual.as_ipv4 ? AF_INET : AF_INET6, port);
    add_any (plan_, dual.as_ipv4 ? AF_INET6 : AF_INET, port);
}

/*  Turns a dual-stack listener into an IPv4 one: the IPv6 wildcard into IPv4's, a
    mapped address into the IPv4 address.  False if it is neither.  */
static bool plan_ipv4_instead (zds_bind_plan_t *plan_)
{
    zds_addr_t addr = plan_->listener[0].addr;

    zds_addr_as_ipv4 (&addr);
    if (zds_addr_family (&addr) != AF_INET)
        return false;
    start_plan (plan_, "IPv4 only: this system has no IPv6");
    add (plan_, &addr, zds_addr_port (&addr));
    return true;
}

/*  One literal address and no other.  */
static int plan_literal (zds_bind_plan_t *plan_,
                         zds_mode_t mode_,
                         zds_addr_t addr_,
                         uint16_t port_)
{
    if (mode_ == ZDS_MODE_V4 && zds_addr_family (&addr_) == AF_INET6)
        return ENODEV;
    /*  Mode V6 is stock's: one kind of socket, with IPv4 mapped into it.  */
    if (mode_ == ZDS_MODE_V6)
        zds_addr_map (&addr_);
    start_plan (plan_, "a numeric address is only that address");
    add (plan_, &addr_, port_);
    if (mode_ == ZDS_MODE_V6)
        plan_->listener[0].v6only = ZDS_V6ONLY_OFF;
    return 0;
}

/*  How well an address serves as the interface's one IPv6 address; less is better.
    Whoever binds to the loopback interface wants nobody else in, even if it has a
    global address, too.  */
static unsigned rank (const zds_ifaddr_t *ifaddr_)
{
    static const unsigned ranks[] = {2, 4, 6, 0, 6, 6}; /* by zds_class_t */
    const bool passes =
      (ifaddr_->flags & (ZDS_IFADDR_TEMPORARY | ZDS_IFADDR_DEPRECATED)) != 0;
    const unsigned best = ranks[zds_addr_class (&ifaddr_->addr)];

    return best + (best > 0 && passes);
}

/*  The same for the source of connections to 'destination_', if that is not NULL: an
    address of its scope is best.  One that is still tentative cannot be used.  */
static unsigned rank_for (const zds_ifaddr_t *ifaddr_,
                          const zds_addr_t *destination_)
{
    zds_class_t kind;

    if (destination_ == NULL)
        return rank (ifaddr_);
    kind = zds_addr_class (destination_);
    return rank (ifaddr_)
           + ((kind == ZDS_CLASS_LINK_LOCAL || kind == ZDS_CLASS_UNIQUE_LOCAL)
                  && zds_addr_class (&ifaddr_->addr) == kind
                ? 0
                : 10)
           + ((ifaddr_->flags & ZDS_IFADDR_TENTATIVE) != 0 ? 20 : 0);
}

const zds_ifaddr_t *zds_ifaddr_choose (const char *name_,
                                       int family_,
                                       const zds_addr_t *destination_,
                                       const zds_ifaddr_t *ifaddrs_,
                                       size_t count_)
{
    const zds_ifaddr_t *best = NULL;
    size_t i;

    for (i = 0; i < count_; i++) {
        const zds_ifaddr_t *const ifaddr = &ifaddrs_[i];
        if (zds_addr_family (&ifaddr->addr) != family_
            || (ifaddr->flags & ZDS_IFADDR_DUPLICATE) != 0
            || strcmp (ifaddr->name, name_) != 0)
            continue;
        if (family_ == AF_INET)
            return ifaddr;
        if (best == NULL
            || rank_for (ifaddr, destination_) < rank_for (best, destination_))
            best = ifaddr;
    }
    return best;
}

/*  Why an address was chosen: what kind it is.  */
static const char *why_chosen (const zds_ifaddr_t *ifaddr_)
{
    static const char *const reasons[] = {
      "the loopback address: who binds to this interface wants nobody else in",
      NULL,
      "a global address that lasts",
      "a global address; there is none that lasts",
      "a unique-local address; there is no global one",
      "a unique-local address; there is none that lasts, and no global one",
      "a link-local address; there is no other",
      "a link-local address; there is none that lasts, and no other",
    };
    return zds_addr_family (&ifaddr_->addr) == AF_INET
             ? "the first IPv4 address"
             : reasons[rank (ifaddr_)];
}

/*  Why an IPv6 address is no better than 'best_'.  */
static const char *why_not (const zds_ifaddr_t *ifaddr_,
                            const zds_ifaddr_t *best_)
{
    static const char *const firsts[] = {
      "the loopback address comes first on this interface",
      "a global address comes first",
      "a unique-local address comes first",
    };

    if (rank (ifaddr_) == rank (best_))
        return "another one of its kind comes first";
    if (rank (ifaddr_) / 2 != rank (best_) / 2)
        return firsts[rank (best_) / 2];
    return (ifaddr_->flags & ZDS_IFADDR_DEPRECATED) != 0
             ? "deprecated: it is about to go"
             : "temporary: it goes after a day or so (a privacy address)";
}

const char *zds_ifaddr_why (const zds_ifaddr_t *ifaddrs_,
                            size_t count_,
                            size_t index_,
                            zds_mode_t mode_,
                            bool *chosen_)
{
    const zds_ifaddr_t *asked = &ifaddrs_[index_];
    const int family = zds_addr_family (&asked->addr);
    const zds_ifaddr_t *best;

    *chosen_ = false;
    if (mode_ == ZDS_MODE_V4 && family == AF_INET6)
        return "the socket is IPv4-only";
    if ((asked->flags & ZDS_IFADDR_DUPLICATE) != 0)
        return "duplicate: another host has this address";
    best = zds_ifaddr_choose (asked->name, family, NULL, ifaddrs_, count_);
    *chosen_ = best == asked;
    if (*chosen_)
        return why_chosen (asked);
    return family == AF_INET ? "another IPv4 address comes first"
                             : why_not (asked, best);
}

bool zds_listener_needs_v6only (const zds_listener_t *listener_)
{
    const zds_class_t kind = zds_addr_class (&listener_->addr);

    return listener_->v6only != ZDS_V6ONLY_NONE
           && (kind == ZDS_CLASS_UNSPECIFIED || kind == ZDS_CLASS_MAPPED_IPV4);
}

static void
add_ifaddr (zds_bind_plan_t *plan_, const zds_ifaddr_t *ifaddr_, uint16_t port_)
{
    add (plan_, &ifaddr_->addr, port_)->freebind =
      (ifaddr_->flags & ZDS_IFADDR_TENTATIVE) != 0;
}

static int plan_interface (zds_bind_plan_t *plan_, const zds_local_t *local_)
{
    const int *const order = &family_at[local_->mode != ZDS_MODE_V6];
    const unsigned wanted = local_->mode == ZDS_MODE_V4 ? 1 : ZDS_MAX_LISTENERS;
    unsigned i;

    start_plan (plan_, "an interface is a socket per family it has");
    for (i = 0; i < wanted; i++) {
        const zds_ifaddr_t *const found =
          zds_ifaddr_choose (local_->endpoint.host, order[i], NULL,
                             local_->ifaddrs, local_->count);
        if (found != NULL)
            add_ifaddr (plan_, found, local_->endpoint.port);
    }
    plan_->follows = local_->mode != ZDS_MODE_V4;
    return plan_->count > 0 ? 0 : ENODEV;
}

static bool is_ipv4_any (const zds_addr_t *addr_)
{
    return zds_addr_family (addr_) == AF_INET
           && addr_->v4.sin_addr.s_addr == htonl (INADDR_ANY);
}

int zds_bind_plan_make (zds_bind_plan_t *plan_,
                        const zds_local_t *local_,
                        bool any_)
{
    const zds_endpoint_t *const endpoint = &local_->endpoint;
    zds_addr_t addr;
    int rc;

    if (strcmp (endpoint->host, "*") == 0) {
        plan_wildcard (plan_, local_->mode, endpoint->port);
        return 0;
    }
    if (endpoint->host[0] != '\0' && plan_interface (plan_, local_) == 0)
        return 0;

    rc = zds_endpoint_literal (endpoint, &addr);
    if (rc == 0 && any_ && is_ipv4_any (&addr)) {
        plan_wildcard (plan_, local_->mode, endpoint->port);
        plan_->why = "0.0.0.0 means * here: the administrator wants it so";
        return 0;
    }
    if (rc == 0)
        return plan_literal (plan_, local_->mode, addr, endpoint->port);
    return rc == EINVAL ? ENODEV : rc;
}

static const zds_addr_t *
first_of (int family_, const zds_addr_t *addrs_, size_t count_)
{
    size_t i;

    for (i = 0; i < count_; i++)
        if (zds_addr_family (&addrs_[i]) == family_)
            return &addrs_[i];
    return NULL;
}

int zds_bind_plan_names (zds_bind_plan_t *plan_,
                         const zds_local_t *local_,
                         const zds_addr_t *addrs_,
                         size_t count_)
{
    const uint16_t port = local_->endpoint.port;
    const zds_addr_t *v4 = first_of (AF_INET, addrs_, count_);
    const zds_addr_t *v6 =
      local_->mode == ZDS_MODE_V4 ? NULL : first_of (AF_INET6, addrs_, count_);
    zds_addr_t zoned;

    start_plan (plan_, "a name is a socket per family it leads to");
    if (v6 != NULL && local_->endpoint.scope != 0) {
        zoned = *v6;
        zoned.v6.sin6_scope_id = local_->endpoint.scope;
        v6 = &zoned;
    }
    /*  Stock's own look-up: IPv6, or else IPv4 mapped into it.  */
    if (local_->mode == ZDS_MODE_V6 && v6 == NULL && v4 != NULL)
        return plan_literal (plan_, local_->mode, *v4, port);
    if (local_->mode == ZDS_MODE_V6 && v6 != NULL) {
        add (plan_, v6, port)->v6only = ZDS_V6ONLY_OFF;
        /*  A name for :: (in a hosts file) takes IPv4 too, as in stock.  */
        if (zds_addr_class (v6) == ZDS_CLASS_UNSPECIFIED)
            v4 = NULL;
        v6 = NULL;
    }
    if (v4 != NULL)
        add (plan_, v4, port);
    if (v6 != NULL)
        add (plan_, v6, port);
    return plan_->count > 0 ? 0 : ENODEV;
}

void zds_bind_start (zds_bind_t *bind_, const zds_bind_plan_t *plan_)
{
    memset (bind_, 0, sizeof *bind_);
    bind_->plan = *plan_;
    bind_->port = zds_addr_port (&plan_->listener[0].addr);
    bind_->port_is_systems = bind_->port == 0;
}

/*  The slot that is opened after 'opened_' others.  */
static unsigned slot_after (const zds_bind_t *bind_, unsigned opened_)
{
    if (bind_->reversed && bind_->plan.count > 1)
        return bind_->plan.count - 1 - opened_;
    return opened_;
}

zds_bind_step_t zds_bind_next (const zds_bind_t *bind_)
{
    zds_bind_step_t step = {.slot = bind_->opened};

    if (bind_->closing && bind_->opened > 0) {
        step.op = ZDS_BIND_CLOSE;
        step.slot = slot_after (bind_, bind_->opened - 1);
    } else if (bind_->error != 0) {
        step.op = ZDS_BIND_FAILED;
        step.error = bind_->error;
    } else if (bind_->opened < bind_->plan.count) {
        step.op = ZDS_BIND_OPEN;
        step.slot = slot_after (bind_, bind_->opened);
        step.listener = bind_->plan.listener[step.slot];
        zds_addr_set_port (&step.listener.addr, bind_->port);
    } else {
        step.op = ZDS_BIND_DONE;
    }
    return step;
}

void zds_bind_opened (zds_bind_t *bind_, uint16_t port_)
{
    bind_->opened++;
    bind_->port = port_;
    if (port_ == 0)
        bind_->plan.count = bind_->opened;
}

void zds_bind_closed (zds_bind_t *bind_)
{
    bind_->opened--;
    if (bind_->opened > 0 || bind_->error != 0)
        return;
    /*  Once more from the start.  The family in which the port was taken chooses now,
        because it has fewer free ports.  */
    bind_->closing = false;
    bind_->port = 0;
    bind_->tries++;
    bind_->reversed = !bind_->reversed;
}

/*  Whether the failure means that this process cannot have the socket, whatever the
    reason: a kernel without IPv6 says EAFNOSUPPORT, a family without addresses
    EADDRNOTAVAIL, and sandboxes say what they like.  The other errnos would stop
    stock, too: the port is taken, or the system has run out of something.  */
static bool cannot_be_had (int error_)
{
    return error_ != EADDRINUSE && error_ != EMFILE && error_ != ENFILE
           && error_ != ENOBUFS && error_ != ENOMEM;
}

/*  Whether the bind goes on without an optional listener.  It needs the address of an
    interface, unless that is gone or a sandbox forbids its family (EPERM: systemd's
    SocketBindAllow=).  A wildcard always gets at least what stock would have bound
    (B-1).  */
static bool can_do_without (const zds_listener_t *listener_,
                            zds_bind_stage_t stage_,
                            int error_)
{
    return listener_->optional
           && (stage_ != ZDS_AT_BIND || zds_listener_needs_v6only (listener_)
               || error_ == EADDRNOTAVAIL || error_ == EAFNOSUPPORT
               || error_ == EPERM);
}

static void drop_listener (zds_bind_plan_t *plan_, unsigned index_)
{
    plan_->count--;
    memmove (&plan_->listener[index_], &plan_->listener[index_ + 1],
             (plan_->count - index_) * sizeof plan_->listener[0]);
}

/*  Replaces the plan for the first listener, which cannot be had, by another one;
    false if there is none.  */
static bool plan_again (zds_bind_plan_t *plan_, zds_bind_stage_t stage_)
{
    const zds_listener_t *const first = &plan_->listener[0];

    if (first->v6only == ZDS_V6ONLY_OFF) {
        if (stage_ == ZDS_AT_V6ONLY
            && zds_addr_class (&first->addr) == ZDS_CLASS_UNSPECIFIED) {
            plan_wildcard_pair (plan_);
            return true;
        }
        if (plan_ipv4_instead (plan_))
            return true;
    }
    /*  Mode V6 without IPv6 sockets: stock takes the IPv4 address then.  */
    if (plan_->count == 1
        || (stage_ != ZDS_AT_SOCKET && stage_ != ZDS_AT_V6ONLY)
        || zds_addr_family (&first->addr) != AF_INET6)
        return false;
    drop_listener (plan_, 0);
    plan_->listener[0].optional = false;
    return true;
}

void zds_bind_failed (zds_bind_t *bind_, zds_bind_stage_t stage_, int error_)
{
    const unsigned slot = slot_after (bind_, bind_->opened);

    if (cannot_be_had (error_)) {
        if (bind_->opened == 0 && slot == 0
            && plan_again (&bind_->plan, stage_))
            return;
        if (can_do_without (&bind_->plan.listener[slot], stage_, error_)) {
            drop_listener (&bind_->plan, slot);
            return;
        }
    }
    bind_->closing = bind_->opened > 0;
    /*  The port that the system chose for one family is taken in the other:
        give it back and let the system choose again.  */
    if (bind_->closing && bind_->port_is_systems && stage_ == ZDS_AT_BIND
        && error_ == EADDRINUSE && bind_->tries + 1 < ZDS_BIND_MAX_TRIES)
        return;
    /*  The errno that stock gives for an IPv6 address on a host without IPv6.  */
    if (stage_ == ZDS_AT_SOCKET && error_ == EAFNOSUPPORT
        && zds_addr_family (&bind_->plan.listener[slot].addr) == AF_INET6)
        error_ = ENODEV;
    bind_->error = error_;
}

void zds_follow_start (zds_follow_t *follow_,
                       const zds_endpoint_t *endpoint_,
                       const zds_bind_t *bind_)
{
    unsigned i;

    memset (follow_, 0, sizeof *follow_);
    /*  It is the name of an interface, for which zds_ifaddr_t has room.  */
    memcpy (follow_->name, endpoint_->host, strlen (endpoint_->host) + 1);
    follow_->port = bind_->port;
    for (i = 0; i < bind_->plan.count; i++) {
        const zds_addr_t *const addr = &bind_->plan.listener[i].addr;
        if (zds_addr_family (addr) == AF_INET6)
            follow_->bound = with_port (addr, bind_->port);
    }
}

/*  The interface's entry for the address that is bound; NULL if none is bound, or if
    the interface has lost it.  */
static const zds_ifaddr_t *find_bound (const zds_follow_t *follow_,
                                       const zds_ifaddr_t *ifaddrs_,
                                       size_t count_)
{
    size_t i;

    for (i = 0; i < count_; i++) {
        const zds_addr_t addr = with_port (&ifaddrs_[i].addr, follow_->port);
        if (zds_addr_equal (&addr, &follow_->bound)
            && (ifaddrs_[i].flags & ZDS_IFADDR_DUPLICATE) == 0
            && strcmp (ifaddrs_[i].name, follow_->name) == 0)
            return &ifaddrs_[i];
    }
    return NULL;
}

zds_follow_step_t zds_follow_next (const zds_follow_t *follow_,
                                   const zds_ifaddr_t *ifaddrs_,
                                   size_t count_)
{
    const zds_ifaddr_t *const bound = find_bound (follow_, ifaddrs_, count_);
    const zds_ifaddr_t *best;
    zds_follow_step_t step = {.why = NULL};
    zds_bind_plan_t plan = {.count = 0};
    zds_addr_t anywhere;

    /*  A tentative one only where there is no other.  */
    zds_addr_any (&anywhere, AF_INET6);
    best =
      zds_ifaddr_choose (follow_->name, AF_INET6, &anywhere, ifaddrs_, count_);
    if (bound != NULL
        && ((best->flags & ZDS_IFADDR_TENTATIVE) != 0
            || rank (best) >= rank (bound)))
        return step;
    if (best == NULL) {
        if (zds_addr_family (&follow_->bound) != 0)
            step.why = "the interface has no IPv6 address any more";
        return step;
    }
    add_ifaddr (&plan, best, follow_->port);
    step.listener = plan.listener[0];
    step.why = why_chosen (best);
    return step;
}

int zds_source_for (const zds_local_t *source_,
                    const zds_addr_t *to_,
                    zds_addr_t *addr_)
{
    const zds_endpoint_t *const endpoint = &source_->endpoint;
    const int family = zds_addr_family (to_);
    const zds_ifaddr_t *const suits = zds_ifaddr_choose (
      endpoint->host, family, to_, source_->ifaddrs, source_->count);
    int rc = 0;

    zds_addr_any (addr_, family);
    if (suits != NULL)
        *addr_ = suits->addr;
    else if (strcmp (endpoint->host, "*") != 0)
        rc = zds_endpoint_literal (endpoint, addr_);
    if (rc != 0)
        return rc == EINVAL ? ENODEV : rc;
    if (zds_addr_family (addr_) != family) {
        if (source_->mode != ZDS_MODE_V6 || family == AF_INET6
            || zds_addr_class (addr_) != ZDS_CLASS_UNSPECIFIED)
            return EAFNOSUPPORT;
        zds_addr_any (addr_, family);
    }
    zds_addr_set_port (addr_, endpoint->port);
    return 0;
}

int zds_families (zds_mode_t mode_,
                  const zds_local_t *source_,
                  const zds_addr_t *literal_,
                  unsigned *families_)
{
    unsigned of_source = 0, i;
    zds_addr_t to, from;
    int rc = 0;

    for (i = 0; i < ZDS_FAMILIES && rc != ENOMEM; i++) {
        zds_addr_any (&to, family_at[i]);
        rc = source_ == NULL ? 0 : zds_source_for (source_, &to, &from);
        if (rc == 0)
            of_source |= zds_addr_for (&to);
    }
    if (rc == ENOMEM || of_source == 0)
        return rc;
    *families_ =
      of_source
      & (mode_ == ZDS_MODE_V4 ? ZDS_FOR_IPV4 : ZDS_FOR_IPV6 | ZDS_FOR_IPV4)
      & (literal_ == NULL ? of_source : zds_addr_for (literal_));
    return *families_ == 0 ? EAFNOSUPPORT : 0;
}
