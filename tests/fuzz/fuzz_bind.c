/* SPDX-License-Identifier: MPL-2.0 */

/*  Any text as an endpoint, on any host, with anything failing: what is planned
    must be allowed, and a bind ends with all of its sockets or with none.

    The input: one letter for the mode (a, 6, 4), the text of the endpoint up to
    the end of the line, then bytes: interface addresses, addresses of a name,
    and how each step of the bind goes.  */

#include "fuzz.h"
#include "zds_bind.h"

#include <ctype.h>
#include <stdlib.h>

enum
{
    MAX_IFADDRS = 12,
    MAX_NAMED = 6,
    MAX_STEPS = 4 * ZDS_BIND_MAX_TRIES + 10
};

/*  The text.  */

static void check_ends (const char *text_, size_t size_)
{
    MUST (memchr (text_, '\0', size_) != NULL, "a string without an end");
}

/*  An endpoint that was taken apart means the same when put together again.  */
static void check_round_trip (const zds_endpoint_t *endpoint_)
{
    static char text[2 * ZDS_HOST_SIZE + 16];
    zds_endpoint_t again;

    snprintf (text, sizeof text, "[%s%s%s]:%u", endpoint_->host,
              endpoint_->zone[0] != '\0' ? "%" : "", endpoint_->zone,
              endpoint_->port);
    MUST (zds_endpoint_parse (&again, text, ZDS_PORT_BIND) == 0,
          "what was written is not read");
    MUST (strcmp (again.host, endpoint_->host) == 0
            && strcmp (again.zone, endpoint_->zone) == 0
            && again.port == endpoint_->port && !again.host_too_long,
          "what was written is read otherwise");
}

static void check_rules_agree (const char *text_, int rc_)
{
    const char *const colon = strrchr (text_, ':');
    const bool any_port = colon != NULL && strcmp (colon, ":*") == 0;
    zds_endpoint_t endpoint;
    const int rc = zds_endpoint_parse (&endpoint, text_, ZDS_PORT_CONNECT);

    MUST (rc == (any_port ? EINVAL : rc_), "connect reads another port");
    MUST (colon != NULL || rc_ == EINVAL, "a port without a colon");
}

static void check_destination (const char *text_)
{
    const char *const to = zds_endpoint_destination (text_);

    MUST (to >= text_ && to <= text_ + strlen (text_)
            && strchr (to, ';') == NULL && (to == text_ || to[-1] == ';'),
          "the destination");
}

static int parse (zds_endpoint_t *endpoint_, const char *text_)
{
    const int rc = zds_endpoint_parse (endpoint_, text_, ZDS_PORT_BIND);

    check_destination (text_);
    check_rules_agree (text_, rc);
    if (rc != 0) {
        MUST (rc == EINVAL, "another errno than EINVAL");
        return rc;
    }
    check_ends (endpoint_->host, sizeof endpoint_->host);
    check_ends (endpoint_->zone, sizeof endpoint_->zone);
    MUST (!endpoint_->host_too_long || endpoint_->host[0] == '\0',
          "a host that is too long");
    if (!endpoint_->host_too_long)
        check_round_trip (endpoint_);
    return 0;
}

/*  The host.  */

typedef struct
{
    zds_ifaddr_t ifaddr[MAX_IFADDRS];
    size_t count;
} host_t;

static void invent_host (host_t *host_, const char *name_, input_t *input_)
{
    static const char *const names[] = {"eth0", "lo", "eth0:1", ""};
    size_t i;

    memset (host_, 0, sizeof *host_);
    host_->count = byte_of (input_) % (MAX_IFADDRS + 1);
    for (i = 0; i < host_->count; i++) {
        zds_ifaddr_t *const ifaddr = &host_->ifaddr[i];
        const unsigned bits = byte_of (input_);
        const char *const name = bits & 8 ? names[bits >> 4 & 3] : name_;
        ifaddr->flags = (bits & 1) * ZDS_IFADDR_TEMPORARY
                        | (bits >> 1 & 1) * ZDS_IFADDR_DEPRECATED
                        | (bits >> 2 & 1) * ZDS_IFADDR_TENTATIVE;
        if ((bits & 0xc0) == 0xc0)
            ifaddr->flags |= ZDS_IFADDR_DUPLICATE;
        snprintf (ifaddr->name, sizeof ifaddr->name, "%.200s", name);
        ifaddr->addr = addr_from (input_);
    }
}

/*  The rank of an address among those of its interface, as the decision in NOTES has
    it; less is better.  */
static unsigned badness (const zds_ifaddr_t *ifaddr_)
{
    const uint8_t *const b = ifaddr_->addr.v6.sin6_addr.s6_addr;
    const unsigned fleeting =
      (ifaddr_->flags & (ZDS_IFADDR_TEMPORARY | ZDS_IFADDR_DEPRECATED)) != 0;

    if (IN6_IS_ADDR_LOOPBACK (&ifaddr_->addr.v6.sin6_addr))
        return 0;
    if (IN6_IS_ADDR_LINKLOCAL (&ifaddr_->addr.v6.sin6_addr)
        || IN6_IS_ADDR_UNSPECIFIED (&ifaddr_->addr.v6.sin6_addr)
        || IN6_IS_ADDR_V4MAPPED (&ifaddr_->addr.v6.sin6_addr))
        return 30 + fleeting;
    if (b[0] == 0xfc || b[0] == 0xfd
        || IN6_IS_ADDR_SITELOCAL (&ifaddr_->addr.v6.sin6_addr))
        return 20 + fleeting;
    return 10 + fleeting;
}

static const zds_ifaddr_t *
expected (const host_t *host_, const char *name_, int family_)
{
    const zds_ifaddr_t *best = NULL;
    size_t i;

    for (i = 0; i < host_->count; i++) {
        const zds_ifaddr_t *const one = &host_->ifaddr[i];
        if (one->addr.sa.sa_family != family_
            || (one->flags & ZDS_IFADDR_DUPLICATE) != 0
            || strcmp (one->name, name_) != 0)
            continue;
        if (best == NULL
            || (family_ == AF_INET6 && badness (one) < badness (best)))
            best = one;
    }
    return best;
}

/*  The plan.  */

static bool same_host (const zds_addr_t *a_, const zds_addr_t *b_)
{
    zds_addr_t a = *a_, b = *b_;

    zds_addr_set_port (&a, 0);
    zds_addr_set_port (&b, 0);
    return zds_addr_equal (&a, &b);
}

static bool is_dual_wildcard (const zds_listener_t *listener_)
{
    return listener_->v6only == ZDS_V6ONLY_OFF
           && IN6_IS_ADDR_UNSPECIFIED (&listener_->addr.v6.sin6_addr);
}

static void check_plan (const zds_bind_plan_t *plan_,
                        const zds_endpoint_t *endpoint_,
                        zds_mode_t mode_)
{
    unsigned i;

    MUST (plan_->count >= 1 && plan_->count <= ZDS_MAX_LISTENERS,
          "the number of listeners");
    MUST (plan_->why != NULL && plan_->why[0] != '\0', "a plan without why");
    MUST (!plan_->listener[0].optional, "the first listener is optional");
    for (i = 0; i < plan_->count; i++) {
        const zds_listener_t *const one = &plan_->listener[i];
        const int family = zds_addr_family (&one->addr);
        MUST (family == AF_INET || family == AF_INET6, "a family");
        MUST (mode_ != ZDS_MODE_V4 || family == AF_INET, "IPv6 in mode v4");
        MUST ((family == AF_INET) == (one->v6only == ZDS_V6ONLY_NONE),
              "V6ONLY of an IPv4 socket");
        MUST (zds_addr_port (&one->addr) == endpoint_->port, "the port");
        MUST (!one->as_ipv4
                || (mode_ == ZDS_MODE_AUTO && one->v6only == ZDS_V6ONLY_OFF),
              "as_ipv4");
    }
    MUST (plan_->count == 1
            || zds_addr_family (&plan_->listener[0].addr)
                 != zds_addr_family (&plan_->listener[1].addr),
          "two listeners of one family");
    MUST (plan_->count == 1 || plan_->listener[1].optional,
          "the second listener is not optional");
}

static void check_wildcard (const zds_bind_plan_t *plan_, zds_mode_t mode_)
{
    const zds_listener_t *const one = &plan_->listener[0];
    zds_addr_t any;

    zds_addr_any (&any, mode_ == ZDS_MODE_V4 ? AF_INET : AF_INET6);
    MUST (plan_->count == 1 && same_host (&one->addr, &any), "the wildcard");
    MUST (one->v6only
            == (mode_ == ZDS_MODE_V4 ? ZDS_V6ONLY_NONE : ZDS_V6ONLY_OFF),
          "V6ONLY of the wildcard");
    MUST (one->as_ipv4 == (mode_ == ZDS_MODE_AUTO), "as_ipv4 of the wildcard");
}

static void check_interface (const zds_bind_plan_t *plan_,
                             const zds_ifaddr_t *v4_,
                             const zds_ifaddr_t *v6_,
                             zds_mode_t mode_)
{
    const zds_ifaddr_t *const first = mode_ == ZDS_MODE_V6
                                        ? (v6_ != NULL ? v6_ : v4_)
                                        : (v4_ != NULL ? v4_ : v6_);
    unsigned i;

    MUST (plan_->count == (unsigned) (v4_ != NULL) + (v6_ != NULL),
          "a socket for each family that the interface has");
    MUST (same_host (&plan_->listener[0].addr, &first->addr),
          "the first address of an interface");
    for (i = 0; i < plan_->count; i++) {
        const zds_listener_t *const one = &plan_->listener[i];
        const zds_ifaddr_t *const from =
          zds_addr_family (&one->addr) == AF_INET ? v4_ : v6_;
        MUST (from != NULL && same_host (&one->addr, &from->addr),
              "the address of an interface");
        MUST (one->v6only != ZDS_V6ONLY_OFF, "an interface in a dual socket");
        MUST (one->freebind == ((from->flags & ZDS_IFADDR_TENTATIVE) != 0),
              "freebind");
    }
}

static int make_plan (zds_bind_plan_t *plan_,
                      const zds_endpoint_t *endpoint_,
                      zds_mode_t mode_,
                      const host_t *host_)
{
    const char *const name = endpoint_->host;
    const zds_ifaddr_t *const v4 =
      name[0] == '\0' ? NULL : expected (host_, name, AF_INET);
    const zds_ifaddr_t *const v6 = name[0] == '\0' || mode_ == ZDS_MODE_V4
                                     ? NULL
                                     : expected (host_, name, AF_INET6);
    const zds_local_t local = {*endpoint_, mode_, host_->ifaddr, host_->count};
    const int rc = zds_bind_plan_make (plan_, &local, false);
    zds_addr_t literal;

    if (rc == 0)
        check_plan (plan_, endpoint_, mode_);
    if (strcmp (name, "*") == 0) {
        MUST (rc == 0, "no plan for *");
        check_wildcard (plan_, mode_);
    } else if (v4 != NULL || v6 != NULL) {
        MUST (rc == 0, "no plan for an interface");
        check_interface (plan_, v4, v6, mode_);
    } else if (zds_endpoint_literal (endpoint_, &literal) == 0
               && (mode_ != ZDS_MODE_V4
                   || zds_addr_family (&literal) == AF_INET)) {
        MUST (rc == 0 && plan_->count == 1, "no plan for a literal");
        if (mode_ == ZDS_MODE_V6)
            zds_addr_map (&literal);
        MUST (same_host (&plan_->listener[0].addr, &literal),
              "the address of a literal");
    } else
        MUST (rc == ENODEV, "a plan for what is nothing");
    return rc;
}

static bool
is_one_of (const zds_addr_t *addr_, const zds_addr_t *addrs_, size_t count_)
{
    zds_addr_t plain = *addr_;
    size_t i;

    zds_addr_unmap (&plain);
    for (i = 0; i < count_; i++) {
        zds_addr_t one = addrs_[i];
        zds_addr_unmap (&one);
        if (same_host (&plain, &one))
            return true;
    }
    return false;
}

static int plan_names (zds_bind_plan_t *plan_,
                       const zds_endpoint_t *endpoint_,
                       zds_mode_t mode_,
                       input_t *input_)
{
    const zds_local_t local = {*endpoint_, mode_, NULL, 0};
    zds_addr_t addrs[MAX_NAMED];
    const size_t count = byte_of (input_) % (MAX_NAMED + 1);
    size_t i;
    bool v4 = false, v6 = false;
    int rc;

    for (i = 0; i < count; i++) {
        addrs[i] = addr_from (input_);
        v4 = v4 || addrs[i].sa.sa_family == AF_INET;
        v6 = v6 || addrs[i].sa.sa_family == AF_INET6;
    }
    v6 = v6 && mode_ != ZDS_MODE_V4;
    rc = zds_bind_plan_names (plan_, &local, addrs, count);
    MUST (rc == (v4 || v6 ? 0 : ENODEV), "a plan for a name");
    if (rc != 0)
        return rc;
    check_plan (plan_, endpoint_, mode_);
    MUST (plan_->count == (unsigned) v4 + (unsigned) v6
            || is_dual_wildcard (&plan_->listener[0]),
          "the number of listeners for a name");
    for (i = 0; i < plan_->count; i++)
        MUST (is_one_of (&plan_->listener[i].addr, addrs, count),
              "an address that the name does not have");
    return 0;
}

/*  The steps.  */

typedef struct
{
    zds_bind_t bind;
    bool open[ZDS_MAX_LISTENERS];
    bool serves_both;
    uint16_t port[ZDS_MAX_LISTENERS];
    int family[ZDS_MAX_LISTENERS];
    uint16_t wanted_port;
    bool any_failed;
    /*  The errno of the last failure, if the bind cannot go on after it.  */
    int hopeless;
    int last_error;
    zds_bind_stage_t last_stage;
} run_t;

static unsigned count_open (const run_t *run_)
{
    return (unsigned) run_->open[0] + (unsigned) run_->open[1];
}

/*  Whether no other socket may take the place of one that failed in this way: the
    port is taken, the system has run out of something, an address of an interface is
    refused.  A wildcard falls back on what stock would bind.  */
static bool
is_hard (const zds_listener_t *listener_, zds_bind_stage_t stage_, int error_)
{
    if (error_ == EADDRINUSE || error_ == EMFILE || error_ == ENFILE
        || error_ == ENOBUFS || error_ == ENOMEM)
        return true;
    return stage_ == ZDS_AT_BIND && (error_ == EACCES || error_ == EINVAL)
           && listener_->v6only != ZDS_V6ONLY_OFF
           && !zds_listener_needs_v6only (listener_);
}

static void
fail (run_t *run_, const zds_listener_t *listener_, unsigned outcome_)
{
    static const int errors[] = {
      EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EPERM,  EACCES,     EMFILE,
      ENFILE,     ENOBUFS,       ENOMEM,       EINVAL, ENOPROTOOPT};
    static const zds_bind_stage_t stages[] = {ZDS_AT_BIND, ZDS_AT_SOCKET,
                                              ZDS_AT_V6ONLY, ZDS_AT_OPTION};
    const int error = errors[(outcome_ >> 2) % COUNT (errors)];
    const zds_bind_stage_t stage = stages[outcome_ & 3];

    run_->any_failed = true;
    run_->last_error = error;
    run_->last_stage = stage;
    /*  The only failure after which there is another try.  */
    if (is_hard (listener_, stage, error)
        && !(stage == ZDS_AT_BIND && error == EADDRINUSE
             && run_->wanted_port == 0 && count_open (run_) > 0))
        run_->hopeless = error;
    zds_bind_failed (&run_->bind, stage, error);
}

static void
open_one (run_t *run_, const zds_bind_step_t *step_, input_t *input_)
{
    const zds_listener_t *const listener = &step_->listener;
    const uint16_t port = zds_addr_port (&listener->addr);
    const unsigned other = 1 - step_->slot;
    unsigned outcome;

    MUST (step_->slot < ZDS_MAX_LISTENERS, "OPEN of a slot out of range");
    MUST (!run_->open[step_->slot], "OPEN of a slot that is open");
    MUST (run_->hopeless == 0, "OPEN after a hard failure");
    if (run_->open[other]) {
        MUST (port == run_->port[other], "OPEN on another port");
        MUST (zds_addr_family (&listener->addr) != run_->family[other],
              "OPEN of the same family twice");
        MUST (!is_dual_wildcard (listener) && !run_->serves_both,
              "a socket for both families and another");
    } else
        MUST (port == run_->wanted_port, "OPEN on a port of its own");
    outcome = byte_of (input_);
    if (outcome >= 128) {
        fail (run_, listener, outcome);
        return;
    }
    run_->open[step_->slot] = true;
    run_->serves_both = is_dual_wildcard (listener);
    run_->family[step_->slot] = zds_addr_family (&listener->addr);
    run_->port[step_->slot] =
      port != 0 ? port : (uint16_t) (1 + byte_of (input_));
    zds_bind_opened (&run_->bind, run_->port[step_->slot]);
}

static void close_one (run_t *run_, const zds_bind_step_t *step_)
{
    MUST (step_->slot < ZDS_MAX_LISTENERS, "CLOSE of a slot out of range");
    MUST (run_->open[step_->slot], "CLOSE of a slot that is not open");
    run_->open[step_->slot] = false;
    zds_bind_closed (&run_->bind);
}

static void check_done (const run_t *run_,
                        const zds_bind_step_t *step_,
                        const zds_bind_plan_t *plan_)
{
    MUST (step_->slot >= 1 && step_->slot <= ZDS_MAX_LISTENERS,
          "DONE with no socket");
    MUST (count_open (run_) == step_->slot && run_->open[0],
          "DONE with other sockets than it says");
    MUST (step_->slot == 1 || run_->port[0] == run_->port[1],
          "DONE on two ports");
    MUST (run_->hopeless == 0, "DONE in spite of a hard failure");
    MUST (run_->any_failed || step_->slot == plan_->count,
          "DONE with less than was planned");
}

static void check_failed (const run_t *run_, const zds_bind_step_t *step_)
{
    const bool is_renamed = run_->last_stage == ZDS_AT_SOCKET
                            && run_->last_error == EAFNOSUPPORT
                            && step_->error == ENODEV;

    MUST (count_open (run_) == 0, "FAILED, and a socket is open");
    MUST (run_->any_failed, "FAILED although nothing failed");
    MUST (step_->error == run_->last_error || is_renamed,
          "FAILED with another errno");
}

static void carry_out (const zds_bind_plan_t *plan_, input_t *input_)
{
    run_t run;
    unsigned steps;

    memset (&run, 0, sizeof run);
    run.wanted_port = zds_addr_port (&plan_->listener[0].addr);
    zds_bind_start (&run.bind, plan_);
    for (steps = 0; steps < MAX_STEPS; steps++) {
        const zds_bind_step_t step = zds_bind_next (&run.bind);
        const zds_bind_step_t again = zds_bind_next (&run.bind);

        MUST (step.op == again.op && step.slot == again.slot
                && step.error == again.error,
              "asked twice, two answers");
        switch (step.op) {
            case ZDS_BIND_OPEN:
                open_one (&run, &step, input_);
                break;
            case ZDS_BIND_CLOSE:
                close_one (&run, &step);
                break;
            case ZDS_BIND_DONE:
                check_done (&run, &step, plan_);
                return;
            case ZDS_BIND_FAILED:
                check_failed (&run, &step);
                return;
        }
    }
    stop ("no end of steps");
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static host_t host;
    input_t input = {data, data + size};
    const unsigned letter = byte_of (&input);
    const zds_mode_t mode = letter == '6'   ? ZDS_MODE_V6
                            : letter == '4' ? ZDS_MODE_V4
                                            : ZDS_MODE_AUTO;
    char *const text = line_of (&input);
    zds_endpoint_t endpoint;
    zds_bind_plan_t plan;
    int rc = parse (&endpoint, text);

    free (text);
    if (rc != 0)
        return 0;
    endpoint.scope = isalpha ((unsigned char) endpoint.zone[0])
                       ? 7
                       : (uint32_t) atoi (endpoint.zone);
    invent_host (&host, endpoint.host, &input);
    rc = make_plan (&plan, &endpoint, mode, &host);
    endpoint.scope = 0;
    if (rc == ENODEV)
        rc = plan_names (&plan, &endpoint, mode, &input);
    if (rc == 0)
        carry_out (&plan, &input);
    return 0;
}
