/* SPDX-License-Identifier: MPL-2.0 */

/*  answer HOW PORT ADDRESS...: a server that speaks no ZMTP.  Prints "ready".  HOW is

    http    it answers whatever comes first on a connection, and closes it
    ssh     it says what it is, and closes on whatever comes
    closes  it closes at once
    mute    the system accepts, and the program never does  */

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum
{
    MAX_LISTENERS = 8,
    BACKLOG = 16384
};

static void die (const char *what_)
{
    fprintf (stderr, "answer: %s: %s\n", what_, strerror (errno));
    exit (1);
}

static int listen_on (const char *address_, const char *port_)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    const int on = 1;

    if (getaddrinfo (address_, port_, &hints, &found) != 0)
        die (address_);
    const int fd = socket (found->ai_family, SOCK_STREAM, 0);
    if (fd < 0)
        die ("socket");
    setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (found->ai_family == AF_INET6)
        setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind (fd, found->ai_addr, found->ai_addrlen) != 0
        || listen (fd, BACKLOG) != 0)
        die (address_);
    freeaddrinfo (found);
    return fd;
}

static void say (int fd_, const char *words_)
{
    /*  A connection that lost a race ends without a word.  */
    (void) !send (fd_, words_, strlen (words_), MSG_NOSIGNAL);
}

static void serve (int listener_, const char *how_)
{
    char request[4096];
    const int fd = accept (listener_, NULL, NULL);

    if (fd < 0)
        return;
    if (strcmp (how_, "ssh") == 0)
        say (fd, "SSH-2.0-OpenSSH_9.2p1\r\n");
    if (strcmp (how_, "closes") != 0 && read (fd, request, sizeof request) > 0
        && strcmp (how_, "http") == 0)
        say (fd, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
                 "Connection: close\r\n\r\nok\n");
    close (fd);
}

int main (int argc, char **argv)
{
    struct pollfd listener[MAX_LISTENERS];
    const int count = argc - 3;

    if (count < 1 || count > MAX_LISTENERS)
        return 2;
    for (int i = 0; i < count; i++) {
        listener[i].fd = listen_on (argv[3 + i], argv[2]);
        listener[i].events = POLLIN;
    }
    puts ("ready");
    fflush (stdout);
    if (strcmp (argv[1], "mute") == 0)
        pause ();
    for (;;) {
        if (poll (listener, (nfds_t) count, -1) < 0)
            die ("poll");
        for (int i = 0; i < count; i++)
            if (listener[i].revents != 0)
                serve (listener[i].fd, argv[1]);
    }
}
