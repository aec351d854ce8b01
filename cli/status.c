/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack status: which libzmq a process uses, and where it listens.  */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json.h"
#include "process.h"

const char cli_status_help[] =
  "Usage: zmq-dualstack status PID [--all] [--json]\n"
  "\n"
  "Which libzmq the process uses, its setting ZMQ_DUALSTACK, and the TCP "
  "sockets\n"
  "on which it listens, be they libzmq's or not.\n"
  "\n"
  "  --all    its connections too\n"
  "  --json   for programs\n"
  "\n"
  "Exit status: 0 if it has loaded a libzmq; 1 if not, or if the process is "
  "not\n"
  "there or may not be looked at; 2 for wrong usage.\n";

typedef struct
{
    bool all, json;
} wish_t;

/*  Words.  */

/*  The settings as the library read them.  */
static zds_settings_t settings_of (const process_t *process_)
{
    zds_settings_t settings;
    char complaint[64] = "";

    zds_settings_default (&settings);
    zds_settings_words (&settings, process_->settings, complaint,
                        sizeof complaint);
    return settings;
}

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

static bool is_dual_stack (const process_t *process_)
{
    const process_library_t *used = process_library_in_use (process_);

    return used != NULL && used->about.is_ours && !settings_of (process_).off;
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
    printf ("%ld ", process_->pid);
    print_text (process_->program);
    putchar ('\n');
    print_libraries (process_, cli_width ());
    if (!process_->env_known)
        puts ("ZMQ_DUALSTACK: cannot be seen");
    else if (process_->settings != NULL) {
        printf ("ZMQ_DUALSTACK: ");
        print_text (process_->settings);
        puts (settings_of (process_).off ? " (no dual stack)" : "");
    }
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

static void json_status (const process_t *process_, const wish_t *wish_)
{
    json_t json;

    json_init (&json, stdout);
    json_open (&json, NULL, '{');
    json_string (&json, "command", "status");
    json_integer (&json, "pid", process_->pid);
    json_string (&json, "program", process_->program);
    if (process_->library_count > 1
        && process_library_in_use (process_) == NULL)
        json_null (&json, "dual_stack");
    else
        json_bool (&json, "dual_stack", is_dual_stack (process_));
    json_libraries (&json, process_);
    json_string (&json, "settings", process_->settings);
    json_bool (&json, "off", settings_of (process_).off);
    json_bool (&json, "sockets_known", process_->sockets_known);
    json_sockets (&json, process_, true);
    if (wish_->all)
        json_sockets (&json, process_, false);
    json_close (&json, '}');
}

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

static int show (const char *pid_, const wish_t *wish_)
{
    process_t process;
    char *end;
    const long pid = strtol (pid_, &end, 10);
    int rc, status = STATUS_NO;

    if (pid_[0] < '0' || pid_[0] > '9' || *end != '\0' || pid <= 0
        || pid > 0x7fffffff)
        return cli_usage (STATUS_USAGE, pid_, "not a process id");
    rc = process_read (&process, pid);
    if (rc != 0)
        status = trouble (pid_, rc);
    else {
        if (wish_->json)
            json_status (&process, wish_);
        else
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
    if (argc_ - optind != 1)
        return cli_usage (STATUS_USAGE, "status", "one process id is wanted");
    return show (argv_[optind], &wish);
}
