/* SPDX-License-Identifier: MPL-2.0 */

/*  Addresses and plans as text, so that a table of them can be read.  */

#ifndef TEXT_H_INCLUDED
#define TEXT_H_INCLUDED

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <errno.h>
#include <time.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include "zds_addr.h"

/*  cmocka does not declare this, and a static analyzer would go on after
    fail_msg.  */
__attribute__ ((noreturn)) void _fail (const char *file_, int line_);

/*  ms.  */
static inline uint64_t clock_ms (void)
{
    struct timespec time;

    clock_gettime (CLOCK_MONOTONIC, &time);
    return (uint64_t) time.tv_sec * 1000 + (uint64_t) time.tv_nsec / 1000000;
}

/*  "1.2.3.4", "fe80::1%2": read by the test itself, not by the code under test.  */
static inline zds_addr_t addr_of (const char *text_)
{
    zds_addr_t addr;
    char host[64];
    char *zone;

    memset (&addr, 0, sizeof addr);
    assert_true (strlen (text_) < sizeof host);
    strcpy (host, text_);
    zone = strchr (host, '%');
    if (zone != NULL)
        *zone++ = '\0';
    if (inet_pton (AF_INET, host, &addr.v4.sin_addr) == 1) {
        addr.sa.sa_family = AF_INET;
        return addr;
    }
    addr.sa.sa_family = AF_INET6;
    if (inet_pton (AF_INET6, host, &addr.v6.sin6_addr) != 1)
        fail_msg ("the test holds a bad address: %s", text_);
    if (zone != NULL)
        addr.v6.sin6_scope_id = (uint32_t) strtoul (zone, NULL, 10);
    return addr;
}

/*  "1.2.3.4:80", "[fe80::1%2]:80"; one buffer per call site's line.  */
static inline const char *
text_of (const zds_addr_t *addr_, char *buffer_, size_t size_)
{
    char host[INET6_ADDRSTRLEN];
    char zone[16] = "";

    if (addr_->sa.sa_family == AF_INET) {
        inet_ntop (AF_INET, &addr_->v4.sin_addr, host, sizeof host);
        snprintf (buffer_, size_, "%s:%u", host, ntohs (addr_->v4.sin_port));
        return buffer_;
    }
    inet_ntop (AF_INET6, &addr_->v6.sin6_addr, host, sizeof host);
    if (addr_->v6.sin6_scope_id != 0)
        snprintf (zone, sizeof zone, "%%%u", addr_->v6.sin6_scope_id);
    snprintf (buffer_, size_, "[%s%s]:%u", host, zone,
              ntohs (addr_->v6.sin6_port));
    return buffer_;
}

#define COUNT(array) (sizeof (array) / sizeof ((array)[0]))

#endif
