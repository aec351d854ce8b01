/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_dial.h"

#include <string.h>

static const int family_at[ZDS_FAMILIES] = {AF_INET6, AF_INET};
static const unsigned ask_at[ZDS_FAMILIES] = {ZDS_ASK_IPV6, ZDS_ASK_IPV4};

unsigned zds_dial_index (int family_)
{
    return family_ == AF_INET6 ? 0 : 1;
}

static void source_of_any (zds_addr_t *source_, uint16_t port_)
{
    unsigned i;

    for (i = 0; i < ZDS_FAMILIES; i++) {
        zds_addr_any (&source_[i], family_at[i]);
        zds_addr_set_port (&source_[i], port_);
    }
}

int zds_dial_source (zds_addr_t *source_,
                     const zds_endpoint_t *endpoint_,
                     uint32_t zone_index_,
                     zds_mode_t mode_,
                     const zds_ifaddr_t *ifaddrs_,
                     size_t count_)
{
    zds_bind_plan_t plan;
    unsigned i;
    int rc;

    memset (source_, 0, ZDS_FAMILIES * sizeof source_[0]);
    if (strcmp (endpoint_->host, "*") == 0) {
        source_of_any (source_, endpoint_->port);
        return 0;
    }
    rc = zds_bind_plan_make (&plan, endpoint_, zone_index_, ZDS_MODE_AUTO,
                             ifaddrs_, count_);
    if (rc != 0)
        return rc;
    for (i = 0; i < plan.count; i++) {
        const zds_addr_t *addr = &plan.listener[i].addr;
        source_[zds_dial_index (zds_addr_family (addr))] = *addr;
    }
    if (mode_ == ZDS_MODE_V6 && zds_addr_family (&source_[0]) != 0
        && zds_addr_class (&source_[0]) == ZDS_CLASS_UNSPECIFIED)
        source_of_any (source_, endpoint_->port);
    return 0;
}

unsigned zds_dial_families (zds_mode_t mode_,
                            const zds_addr_t *source_,
                            const zds_addr_t *literal_)
{
    unsigned all = 0, i;

    for (i = 0; i < ZDS_FAMILIES; i++)
        if (source_ == NULL || zds_addr_family (&source_[i]) != 0)
            all |= ask_at[i];
    if (mode_ == ZDS_MODE_V4)
        all &= ~(unsigned) ZDS_ASK_IPV6;
    if (literal_ != NULL)
        all &= ask_at[zds_dial_index (zds_addr_family (literal_))];
    return all;
}

void zds_dial_adopt (zds_candidate_t *candidates_,
                     size_t count_,
                     uint16_t port_,
                     uint32_t zone_index_,
                     bool from_known_)
{
    size_t i;

    for (i = 0; i < count_; i++) {
        zds_candidate_t *candidate = &candidates_[i];
        zds_addr_set_port (&candidate->addr, port_);
        if (zone_index_ != 0
            && zds_addr_family (&candidate->addr) == AF_INET6) {
            candidate->addr.v6.sin6_scope_id = zone_index_;
            candidate->poor_source = false;
        }
        if (from_known_)
            candidate->poor_source = false;
    }
}

zds_addr_t zds_dial_through (zds_mode_t mode_, const zds_addr_t *addr_)
{
    zds_addr_t addr = *addr_;

    if (mode_ == ZDS_MODE_V6)
        zds_addr_map (&addr);
    return addr;
}

bool zds_dial_is_lost (zds_mode_t mode_, int family_)
{
    return family_ == (mode_ == ZDS_MODE_V6 ? AF_INET6 : AF_INET);
}

bool zds_dial_may_be_name (const char *host_)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

    return host_[0] != '\0' && strspn (host_, allowed) == strlen (host_);
}
