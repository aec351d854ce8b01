/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A module for the system's resolver ("hosts: zdstest") that goes wrong in the way that the
 * name asks for: KIND.nss.  Where it answers, it is with 10.0.0.1 and 2001:db8::1.
 *
 *   good      answers                      slow      answers after half a second
 *   hang      answers after three seconds  tryagain  temporary failure, with EINTR
 *   many      200 addresses                notfound  no such name
 *   empty     success, without an address  unavail   the service is not there
 *   crash     its child dies of SIGSEGV, and it waits for that
 *   orphan    its child dies of SIGSEGV, and nobody waits for it
 *   short     asks for a larger buffer, again and again, then answers
 *   closes    closes every descriptor that it opens itself, and leaves errno set
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <nss.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum
{
    MANY = 200
};

static void pause_ms (unsigned ms)
{
    struct timespec left = {ms / 1000, (long) (ms % 1000) * 1000000};
    while (nanosleep (&left, &left) != 0)
        ;
}

static void let_a_child_crash (int wait_for_it)
{
    const pid_t child = fork ();
    if (child == 0) {
        signal (SIGSEGV, SIG_DFL);
        raise (SIGSEGV);
        _exit (0);
    }
    if (child > 0 && wait_for_it)
        waitpid (child, NULL, 0);
}

/* A list of `count` addresses in the caller's buffer; 0 when there is no room. */
static int fill (struct hostent *result,
                 const char *name,
                 int family,
                 size_t count,
                 char *buffer,
                 size_t size)
{
    const size_t length = family == AF_INET6 ? 16 : 4;
    const size_t skew = (size_t) - (uintptr_t) buffer % sizeof (char *);
    const size_t pointers = (count + 2) * sizeof (char *);
    const size_t data = pointers + count * length;

    if (size < skew + data + strlen (name) + 1)
        return 0;
    char **list = (char **) (void *) (buffer + skew);
    char *at = buffer + skew + pointers;
    for (size_t i = 0; i < count; i++, at += length) {
        list[i] = at;
        inet_pton (family, family == AF_INET6 ? "2001:db8::1" : "10.0.0.1", at);
        if (i > 0) {
            at[length - 2] = (char) (i >> 8);
            at[length - 1] = (char) (i + 100);
        }
    }
    list[count] = list[count + 1] = NULL;
    strcpy (at, name);
    result->h_name = at;
    result->h_aliases = &list[count + 1];
    result->h_addrtype = family;
    result->h_length = (int) length;
    result->h_addr_list = list;
    return 1;
}

enum nss_status _nss_zdstest_gethostbyname2_r (const char *name,
                                               int family,
                                               struct hostent *result,
                                               char *buffer,
                                               size_t size,
                                               int *errnop,
                                               int *h_errnop)
{
    const size_t length = strcspn (name, ".");
    size_t count = 1;

#define IS(kind) (length == strlen (kind) && !strncmp (name, kind, length))
    *h_errnop = NETDB_SUCCESS;
    *errnop = 0;
    if (IS ("slow"))
        pause_ms (500);
    else if (IS ("hang"))
        pause_ms (3000);
    else if (IS ("crash"))
        let_a_child_crash (1);
    else if (IS ("orphan"))
        let_a_child_crash (0);
    else if (IS ("many"))
        count = MANY;
    else if (IS ("empty"))
        count = 0;
    else if (IS ("closes")) {
        close (open ("/dev/null", O_RDONLY | O_CLOEXEC));
        errno = EBADF;
    } else if (IS ("short") && size < 100000) {
        *errnop = ERANGE;
        *h_errnop = NETDB_INTERNAL;
        return NSS_STATUS_TRYAGAIN;
    } else if (IS ("tryagain")) {
        *errnop = EINTR;
        *h_errnop = TRY_AGAIN;
        return NSS_STATUS_TRYAGAIN;
    } else if (IS ("notfound")) {
        *errnop = ENOENT;
        *h_errnop = HOST_NOT_FOUND;
        return NSS_STATUS_NOTFOUND;
    } else if (IS ("unavail")) {
        *errnop = EIO;
        *h_errnop = NO_RECOVERY;
        return NSS_STATUS_UNAVAIL;
    }
    if (!fill (result, name, family, count, buffer, size)) {
        *errnop = ERANGE;
        *h_errnop = NETDB_INTERNAL;
        return NSS_STATUS_TRYAGAIN;
    }
    return NSS_STATUS_SUCCESS;
}
