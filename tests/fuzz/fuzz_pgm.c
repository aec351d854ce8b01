/* SPDX-License-Identifier: MPL-2.0 */

/*  Any network part of a pgm:// endpoint, on any host: nothing of IPv6 gets to
    OpenPGM, nor more parts than it knows, and nothing of IPv4 is turned away.

    The input: the text up to the end of the line, then bytes for interface
    addresses.  */

#include "fuzz.h"

#include <arpa/inet.h>

#include "zds_pgm.h"

enum
{
    MAX_IFADDRS = 6
};

static size_t invent_host (zds_ifaddr_t *ifaddrs_, input_t *input_)
{
    static const char *const names[] = {"eth0", "lo", "v6", ""};
    const size_t count = byte_of (input_) % (MAX_IFADDRS + 1);
    size_t i;

    for (i = 0; i < count; i++) {
        memset (&ifaddrs_[i], 0, sizeof ifaddrs_[i]);
        strcpy (ifaddrs_[i].name, names[byte_of (input_) % COUNT (names)]);
        ifaddrs_[i].addr = addr_from (input_);
    }
    return count;
}

/*  Whether a part without its prefix length, brackets and zone is an address of
    IPv6.  */
static bool is_ipv6 (const char *part_)
{
    char text[ZDS_HOST_SIZE];
    size_t len;
    uint8_t bytes[16];
    char *cut;

    if (strlen (part_) >= sizeof text)
        return false;
    strcpy (text, part_);
    cut = strrchr (text, '/');
    if (cut != NULL)
        *cut = '\0';
    len = strlen (text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text[len - 1] = '\0';
        memmove (text, text + 1, len - 1);
    }
    cut = strrchr (text, '%');
    if (cut != NULL) {
        if (cut[1] == '\0')
            return false;
        *cut = '\0';
    }
    return inet_pton (AF_INET6, text, bytes) == 1;
}

static bool
names_only_ipv6 (const char *part_, const zds_ifaddr_t *ifaddrs_, size_t count_)
{
    unsigned v6 = 0, v4 = 0;
    size_t i;

    for (i = 0; i < count_; i++)
        if (strcmp (ifaddrs_[i].name, part_) == 0) {
            v6 += ifaddrs_[i].addr.sa.sa_family == AF_INET6;
            v4 += ifaddrs_[i].addr.sa.sa_family == AF_INET;
        }
    return v6 > 0 && v4 == 0;
}

/*  The stub's word, told a second time: parts are looked at from the left.  */
static int
expected (const char *text_, const zds_ifaddr_t *ifaddrs_, size_t count_)
{
    char *const copy = strdup (text_);
    char *part = copy;
    unsigned parts = 1;
    int rc = 0;

    if (copy == NULL)
        abort ();
    while (rc == 0 && part != NULL) {
        char *const end = strpbrk (part, ";,");
        const char mark = end == NULL ? '\0' : *end;
        if (end != NULL)
            *end = '\0';
        if (is_ipv6 (part) || names_only_ipv6 (part, ifaddrs_, count_))
            rc = EAFNOSUPPORT;
        else if (mark == ';' && ++parts > 3 && end[1] != '\0')
            rc = EINVAL;
        part = end == NULL ? NULL : end + 1;
    }
    free (copy);
    return rc;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, data + size};
    char *const text = line_of (&input);
    zds_ifaddr_t ifaddrs[MAX_IFADDRS];
    const size_t count = invent_host (ifaddrs, &input);
    const int rc = zds_pgm_check (text, ifaddrs, count);
    const char *const percent = strchr (text, '%');

    MUST (rc == 0 || rc == EAFNOSUPPORT || rc == EINVAL, "another errno");
    /*  What getaddrinfo makes of two zones is its own affair.  */
    if (percent == NULL || strchr (percent + 1, '%') == NULL)
        MUST (rc == expected (text, ifaddrs, count), "another answer");
    free (text);
    return 0;
}
