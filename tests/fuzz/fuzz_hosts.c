/* SPDX-License-Identifier: MPL-2.0 */

/*  Any line of a hosts file, any name.

    The input: the name up to the end of the line, then the line.  */

#include "fuzz.h"

#include <arpa/inet.h>
#include <strings.h>

#include "zds_host.h"

static bool is_blank (char c_)
{
    return c_ == ' ' || c_ == '\t' || c_ == '\r' || c_ == '\n';
}

/*  The next word from '*at_' on; returns its length, 0 at the end or at a
    comment.  */
static size_t next_word (const char **at_)
{
    size_t len = 0;

    while (is_blank (**at_))
        (*at_)++;
    while ((*at_)[len] != '\0' && (*at_)[len] != '#' && !is_blank ((*at_)[len]))
        len++;
    return len;
}

/*  A second reading of hosts(5): an address, then names.  */
static bool
is_on_line (const char *line_, const char *host_, struct in6_addr *addr_)
{
    char address[INET6_ADDRSTRLEN + 1];
    size_t len = next_word (&line_);

    if (len == 0 || len >= sizeof address)
        return false;
    memcpy (address, line_, len);
    address[len] = '\0';
    if (inet_pton (AF_INET6, address, addr_) != 1)
        return false;
    for (line_ += len; (len = next_word (&line_)) > 0; line_ += len)
        if (strlen (host_) == len && strncasecmp (line_, host_, len) == 0)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, data + size};
    char *const host = line_of (&input);
    char *const line = line_of (&input);
    zds_addr_t addr;
    struct in6_addr expected;
    const bool has_scope = strchr (line, '%') != NULL;
    const bool is_there = is_on_line (line, host, &expected);
    bool found;

    memset (&addr, 0, sizeof addr);
    found = zds_lookup_hosts_line (line, host, &addr);
    MUST (!found || zds_addr_family (&addr) == AF_INET6, "not IPv6");
    /*  The oracle does not know scopes.  */
    if (!has_scope) {
        MUST (found == is_there, "a line misread");
        MUST (!found
                || memcmp (&addr.v6.sin6_addr, &expected, sizeof expected) == 0,
              "another address");
    }
    free (line);
    free (host);
    return 0;
}
