/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack status: which libzmq a process uses, and where it listens.  */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json.h"
#include "process.h"

const char cli_status_help[] =
  "Usage: zmq-dualstack status [PID] [--all] [--json]\n"
  "\n"
  "Which libzmq the process uses, its settings, and the TCP sockets on which "
  "it\n"
  "listens, be they libzmq's or not. Without PID: a table of all processes "
  "that\n"
  "use libzmq, with the number of their listeners and connections.\n"
  "\n"
  "  --all    its connections too\n"
  "  --json   for programs\n"
  "\n"
  "Exit status: 0 if it has loaded a libzmq, or any process has; 1 if not, or "
  "if\n"
  "the process is not there or may not be looked at; 2 for wrong usage.\n";

typedef struct
{
    bool all, json;
} wish_t;

/*  Words.  */

static const char *families_of (const process_socket_t *socket_)
{
    if (zds_addr_family (&socket_->local) == AF_INET)
        return "IPv4";
    switch (zds_addr_class (&socket_->local)) {
        case ZDS_CLASS_MAPPED_IPV4:
            return "IPv4";
        case ZDS_CLASS_UNSPECIFIED:
            return socket_->v6only == 0 && socket_->listens ? "IPv6 and IPv4"
                   : socket_->v6only < 0 && socket_->listens
                     ? "IPv6, perhaps IPv4 too"
                     : "IPv6";
        default:
            return "IPv6";
    }
}

static void
describe_library (const process_library_t *library_, char *text_, size_t size_)
{
    if (library_->is_unread)
        snprintf (text_, size_, "cannot be read");
    else if (!library_->about.is_ours)
        snprintf (text_, size_, "without dual stack");
    else
        snprintf (text_, size_, "dual stack %s, made of libzmq %s",
                  library_->about.version, library_->about.on);
}

/*  What the process does with a library.  */
static const char *usage_of (const process_t *process_,
                             const process_library_t *library_)
{
    const process_library_t *used = process_library_in_use (process_);

    if (process_->library_count == 1)
        return "in use";
    if (used == NULL)
        return "which one is in use cannot be told";
    if (library_ == used)
        return used->is_program ? "in use: it is in the program itself"
                                : "in use: preloaded";
    return used->is_program ? "not in use: the program has its own"
                            : "not in use: the preloaded one comes first";
}

/*  The words in force that are not the default, and where they come from.  */
static void in_force (const process_t *process_, char *text_, size_t size_)
{
    const zds_settings_t *const in_force = &process_->in_force;
    zds_settings_t plain;
    size_t used;

    zds_settings_default (&plain);
    used = (size_t) snprintf (text_, size_, "%s%s", in_force->off ? "off " : "",
                              in_force->any ? "any " : "");
    if (in_force->attempt_delay != plain.attempt_delay)
        used +=
          (size_t) snprintf (text_ + used, size_ - used, "attempt-delay=%u ",
                             in_force->attempt_delay);
    if (in_force->resolution_delay != plain.resolution_delay)
        used +=
          (size_t) snprintf (text_ + used, size_ - used, "resolution-delay=%u ",
                             in_force->resolution_delay);
    if (in_force->resolver_threads != plain.resolver_threads)
        used +=
          (size_t) snprintf (text_ + used, size_ - used, "resolver-threads=%u ",
                             in_force->resolver_threads);
    if (in_force->trace)
        used += (size_t) snprintf (text_ + used, size_ - used, "trace%s%s ",
                                   in_force->trace_file[0] == '\0' ? "" : "=",
                                   in_force->trace_file);
    if (used == 0 && !process_->is_privileged)
        return;
    snprintf (text_ + used, size_ - used, "(%s%s%s)",
              process_->file_counts ? ZDS_SETTINGS_FILE : "",
              process_->file_counts ? ", " : "",
              process_->is_privileged      ? "environment not read: privileged"
              : process_->settings != NULL ? "ZMQ_DUALSTACK"
                                           : "no ZMQ_DUALSTACK");
}

static bool is_local (const zds_addr_t *addr_)
{
    zds_addr_t addr = *addr_;

    zds_addr_unmap (&addr);
    return zds_addr_family (&addr) == AF_INET
             ? ntohl (addr.v4.sin_addr.s_addr) >> 24 == 127
             : IN6_IS_ADDR_LOOPBACK (&addr.v6.sin6_addr) != 0;
}

/*  Whether other hosts reach this port of the process over IPv4.  */
static bool has_ipv4 (const process_t *process_, uint16_t port_)
{
    size_t i;

    for (i = 0; i < process_->socket_count; i++) {
        const process_socket_t *const one = &process_->socket[i];
        if (one->listens && zds_addr_port (&one->local) == port_
            && !is_local (&one->local)
            && strcmp (families_of (one), "IPv6") != 0)
            return true;
    }
    return false;
}

/*  The ports that others reach over IPv6 only, for whoever writes a firewall's
    rules.  */
static void exposed (const process_t *process_, char *text_, size_t size_)
{
    size_t i, used = 0;

    text_[0] = '\0';
    for (i = 0; i < process_->socket_count && used + 8 < size_; i++) {
        const process_socket_t *const one = &process_->socket[i];
        const uint16_t port = zds_addr_port (&one->local);
        if (one->listens && strcmp (families_of (one), "IPv6") == 0
            && !is_local (&one->local) && !has_ipv4 (process_, port))
            used += (size_t) snprintf (text_ + used, size_ - used, "%s%u",
                                       used > 0 ? ", " : "", port);
    }
}

static bool is_dual_stack (const process_t *process_)
{
    const process_library_t *used = process_library_in_use (process_);

    return used != NULL && used->about.is_ours && !process_->in_force.off;
}

/*  Text.  */

static void print_sockets (const process_t *process_, bool listening_)
{
    char local[ZDS_ADDR_TEXT_SIZE], peer[ZDS_ADDR_TEXT_SIZE];
    size_t i, shown = 0;

    for (i = 0; i < process_->socket_count; i++) {
        const process_socket_t *one = &process_->socket[i];
        if (one->listens != listening_)
            continue;
        zds_addr_format (&one->local, local, sizeof local);
        zds_addr_format (&one->peer, peer, sizeof peer);
        if (shown++ == 0)
            printf (listening_ ? "listens on:\n" : "connections:\n");
        if (listening_)
            printf ("  %-28s %s\n", local, families_of (one));
        else
            printf ("  %s - %s\n", local, peer);
    }
    if (shown == 0)
        puts (!process_->sockets_known ? "sockets: cannot be seen"
              : listening_             ? "listens on no TCP port"
                                       : "no TCP connections");
}

static void print_libraries (const process_t *process_, unsigned width_)
{
    char about[100], text[5000];
    size_t i;

    if (process_->library_count == 0)
        puts ("no libzmq that the dynamic linker loaded");
    for (i = 0; i < process_->library_count; i++) {
        const process_library_t *one = &process_->library[i];
        describe_library (one, about, sizeof about);
        snprintf (text, sizeof text, "%s: %s; %s", one->path, about,
                  usage_of (process_, one));
        cli_wrap ("libzmq: ", text, width_);
    }
}

static void print_text (const char *text_)
{
    cli_put (text_, strlen (text_));
}

static void print_status (const process_t *process_, const wish_t *wish_)
{
    char words[700];

    printf ("%ld ", process_->pid);
    print_text (process_->program);
    putchar ('\n');
    print_libraries (process_, cli_width ());
    if (!process_->env_known)
        puts ("ZMQ_DUALSTACK: cannot be seen");
    else if (process_->settings != NULL) {
        printf ("ZMQ_DUALSTACK: ");
        print_text (process_->settings);
        puts (process_->is_privileged ? " (not read: privileged)" : "");
    }
    in_force (process_, words, sizeof words);
    if (words[0] != '\0')
        cli_wrap ("settings: ", words, cli_width ());
    exposed (process_, words, sizeof words);
    if (words[0] != '\0')
        cli_wrap ("only over IPv6: port ", words, cli_width ());
    print_sockets (process_, true);
    if (wish_->all)
        print_sockets (process_, false);
}

/*  JSON.  */

static void json_libraries (json_t *json_, const process_t *process_)
{
    const process_library_t *used = process_library_in_use (process_);
    size_t i;

    json_open (json_, "libraries", '[');
    for (i = 0; i < process_->library_count; i++) {
        const process_library_t *one = &process_->library[i];
        const bool ours = one->about.is_ours;
        json_open (json_, NULL, '{');
        json_string (json_, "path", one->path);
        if (one->is_unread)
            json_null (json_, "ours");
        else
            json_bool (json_, "ours", ours);
        json_string (json_, "version", ours ? one->about.version : NULL);
        json_string (json_, "libzmq_version", ours ? one->about.on : NULL);
        json_bool (json_, "preloaded", one->is_preloaded);
        if (used == NULL)
            json_null (json_, "in_use");
        else
            json_bool (json_, "in_use", one == used);
        json_string (json_, "why", usage_of (process_, one));
        json_close (json_, '}');
    }
    json_close (json_, ']');
}

static void
json_sockets (json_t *json_, const process_t *process_, bool listening_)
{
    char text[ZDS_ADDR_TEXT_SIZE];
    size_t i;

    json_open (json_, listening_ ? "listeners" : "connections", '[');
    for (i = 0; i < process_->socket_count; i++) {
        const process_socket_t *one = &process_->socket[i];
        if (one->listens != listening_)
            continue;
        json_open (json_, NULL, '{');
        zds_addr_format (&one->local, text, sizeof text);
        json_string (json_, "address", text);
        json_string (json_, "families", families_of (one));
        if (!listening_) {
            zds_addr_format (&one->peer, text, sizeof text);
            json_string (json_, "peer", text);
        }
        json_close (json_, '}');
    }
    json_close (json_, ']');
}

static void json_status (json_t *json_, const process_t *process_, bool all_)
{
    char words[700], *port, *rest = NULL;

    json_integer (json_, "pid", process_->pid);
    json_string (json_, "program", process_->program);
    if (process_->library_count > 1
        && process_library_in_use (process_) == NULL)
        json_null (json_, "dual_stack");
    else
        json_bool (json_, "dual_stack", is_dual_stack (process_));
    json_libraries (json_, process_);
    json_string (json_, "settings", process_->settings);
    json_bool (json_, "off", process_->in_force.off);
    in_force (process_, words, sizeof words);
    json_string (json_, "in_force", words);
    json_bool (json_, "privileged", process_->is_privileged);
    json_bool (json_, "sockets_known", process_->sockets_known);
    json_sockets (json_, process_, true);
    exposed (process_, words, sizeof words);
    json_open (json_, "only_over_ipv6", '[');
    for (port = strtok_r (words, ", ", &rest); port != NULL;
         port = strtok_r (NULL, ", ", &rest))
        json_integer (json_, NULL, strtol (port, NULL, 10));
    json_close (json_, ']');
    if (all_)
        json_sockets (json_, process_, false);
}

/*  All processes.  */

static int trouble (const char *pid_, int error_)
{
    switch (error_) {
        case ENOSYS:
            return cli_fail (STATUS_USAGE, "status",
                             "needs /proc, as Linux has it");
        case ESRCH:
            return cli_fail (STATUS_NO, pid_, "no such process");
        case EACCES:
        case EPERM:
            return cli_fail (STATUS_NO, pid_,
                             "no permission to look at this process");
        default:
            return cli_fail (STATUS_USAGE, pid_, strerror (error_));
    }
}


/*  How many listeners take both families, IPv6 or IPv4 alone; or connections.  */
static void
count_sockets (const process_t *process_, bool listening_, unsigned *counts_)
{
    size_t i;

    for (i = 0; i < process_->socket_count; i++) {
        const char *const families = families_of (&process_->socket[i]);
        if (process_->socket[i].listens == listening_)
            counts_[strcmp (families, "IPv4") == 0   ? 2
                    : strcmp (families, "IPv6") == 0 ? 1
                                                     : 0]++;
    }
}

static void print_note (const char *first_, const char *text_)
{
    char first[64];

    snprintf (first, sizeof first, "        %s", first_);
    cli_wrap (first, text_, cli_width ());
}

static void print_row (const process_t *process_)
{
    const process_library_t *const used = process_library_in_use (process_);
    const char *const slash = strrchr (process_->program, '/');
    unsigned listens[3] = {0, 0, 0}, peers[3] = {0, 0, 0};
    char version[32] = "", words[700];

    count_sockets (process_, true, listens);
    count_sockets (process_, false, peers);
    if (used != NULL)
        process_library_version (used, version, sizeof version);
    printf ("%7ld ", process_->pid);
    cli_put_padded (slash == NULL ? process_->program : slash + 1, 20);
    printf (" %-10s %-9s %4u %4u %4u  %4u %4u\n",
            used == NULL          ? "several"
            : used->about.is_ours ? "dual stack"
            : used->is_unread     ? "unread"
                                  : "stock",
            used != NULL && used->about.is_ours && process_->in_force.off
              ? "off"
              : version,
            listens[0], listens[1], listens[2], peers[0] + peers[1], peers[2]);
    in_force (process_, words, sizeof words);
    if (words[0] != '\0' && used != NULL && used->about.is_ours)
        print_note ("settings: ", words);
    exposed (process_, words, sizeof words);
    if (words[0] != '\0')
        print_note ("only over IPv6: port ", words);
    if (used != NULL && used->is_deleted)
        print_note ("", "its libzmq was replaced (deleted): restart it");
}

typedef struct
{
    unsigned shown, hidden;
    json_t json;
} table_t;

static void add_process (table_t *table_, long pid_, const wish_t *wish_)
{
    process_t process;
    const int rc = process_read (&process, pid_);

    if (rc == EACCES || rc == EPERM)
        table_->hidden++;
    else if (rc == 0 && process.library_count > 0) {
        if (wish_->json) {
            json_open (&table_->json, NULL, '{');
            json_status (&table_->json, &process, wish_->all);
            json_close (&table_->json, '}');
        } else {
            if (table_->shown == 0)
                puts (
                  "    PID PROGRAM              LIBZMQ     VERSION   LISTENS "
                  "ON    CONNECTED\n"
                  "                                                  both "
                  "IPv6 IPv4  IPv6 IPv4");
            print_row (&process);
        }
        table_->shown++;
    }
    process_free (&process);
}

static int show_all (const wish_t *wish_)
{
    DIR *const dir = opendir ("/proc");
    const struct dirent *entry;
    table_t table;

    if (dir == NULL)
        return trouble ("/proc", ENOSYS);
    memset (&table, 0, sizeof table);
    if (wish_->json) {
        json_init (&table.json, stdout);
        json_open (&table.json, NULL, '{');
        json_string (&table.json, "command", "status");
        json_open (&table.json, "processes", '[');
    }
    while ((entry = readdir (dir)) != NULL)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            add_process (&table, strtol (entry->d_name, NULL, 10), wish_);
    closedir (dir);
    if (wish_->json) {
        json_close (&table.json, ']');
        json_integer (&table.json, "not_seen", (long) table.hidden);
        json_close (&table.json, '}');
    } else {
        if (table.shown == 0)
            puts ("no process uses libzmq");
        if (table.hidden > 0)
            printf ("%u processes may not be looked at; root may.\n",
                    table.hidden);
    }
    return cli_flush (table.shown > 0 ? STATUS_YES : STATUS_NO);
}

static int show (const char *pid_, const wish_t *wish_)
{
    process_t process;
    char *end;
    const long pid = strtol (pid_, &end, 10);
    int rc, status = STATUS_NO;
    json_t json;

    if (pid_[0] < '0' || pid_[0] > '9' || *end != '\0' || pid <= 0
        || pid > 0x7fffffff)
        return cli_usage (STATUS_USAGE, pid_, "not a process id");
    rc = process_read (&process, pid);
    if (rc != 0)
        status = trouble (pid_, rc);
    else {
        if (wish_->json) {
            json_init (&json, stdout);
            json_open (&json, NULL, '{');
            json_string (&json, "command", "status");
            json_status (&json, &process, wish_->all);
            json_close (&json, '}');
        } else
            print_status (&process, wish_);
        status = process.library_count > 0 ? STATUS_YES : STATUS_NO;
    }
    process_free (&process);
    return cli_flush (status);
}

int cli_status (int argc_, char **argv_)
{
    static const struct option options[] = {{"all", no_argument, NULL, 'a'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    static char name[] = "zmq-dualstack: status";
    wish_t wish = {false, false};
    int option;

    argv_[0] = name;
    while ((option = getopt_long (argc_, argv_, "h", options, NULL)) != -1)
        switch (option) {
            case 'a':
                wish.all = true;
                break;
            case 'j':
                wish.json = true;
                break;
            case 'h':
                fputs (cli_status_help, stdout);
                return cli_flush (STATUS_YES);
            default:
                fputs ("Try 'zmq-dualstack status --help'.\n", stderr);
                return STATUS_USAGE;
        }
    if (argc_ == optind)
        return show_all (&wish);
    if (argc_ - optind != 1)
        return cli_usage (STATUS_USAGE, "status",
                          "one process id is wanted, or none");
    return show (argv_[optind], &wish);
}
