/* SPDX-License-Identifier: MPL-2.0 */

/*  "stack HOST FAMILY": prints how much of a stack getaddrinfo uses, and the stack's
    size, in bytes.  The stack has the size of our threads' stacks, and painted memory
    below it shows how far a look-up would overrun it.  */

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "zds_thread.h"

enum
{
    PAINTED = 4 << 20,
    PAINT = 0xa5
};

static char **argument;

static void *look_up (void *arg_)
{
    struct addrinfo hints, *list = NULL;

    memset (&hints, 0, sizeof hints);
    hints.ai_family = atoi (argument[2]);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_CANONNAME;
    if (getaddrinfo (argument[1], NULL, &hints, &list) == 0)
        freeaddrinfo (list);
    return arg_;
}

int main (int argc, char **argv)
{
    unsigned char *const paint = mmap (NULL, PAINTED, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t clean = 0;
    pthread_attr_t attr;
    pthread_t thread;

    if (argc != 3 || paint == MAP_FAILED)
        return 2;
    argument = argv;
    memset (paint, PAINT, PAINTED);
    pthread_attr_init (&attr);
    if (pthread_attr_setstack (&attr, paint + PAINTED - ZDS_THREAD_STACK,
                               ZDS_THREAD_STACK)
          != 0
        || pthread_create (&thread, &attr, look_up, NULL) != 0)
        return 2;
    pthread_join (thread, NULL);
    while (clean < PAINTED && paint[clean] == PAINT)
        clean++;
    printf ("%d %d\n", (int) (PAINTED - clean), ZDS_THREAD_STACK);
    return 0;
}
