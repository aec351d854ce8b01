/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack status: which libzmq a process uses, and where it listens.  */

#include "process.h"

#include <dirent.h>

#include "zds_host.h"

const char cli_status_help[] =
  "Usage: zmq-dualstack status [PID] [--all] [--json]\n"
  "\n"
  "Says which libzmq the process uses, its settings, and on which TCP sockets\n"
  "it listens, be they libzmq's or not. Without PID: a table of all processes\n"
  "that use libzmq, with the number of their listeners and connections.\n"
  "\n"
  "  --all    list its connections too\n"
  "  --json   print JSON, for programs\n";

static int wants_all, wants_json;

/*  --- words -----------------------------------------------------------------------  */

/*  0 both, 1 IPv6, 2 IPv4.  */
static unsigned kind_of (const process_socket_t *socket_)
{
    zds_addr_t addr = socket_->local;

    zds_addr_unmap (&addr);
    if (zds_addr_family (&addr) == AF_INET)
        return 2;
    return socket_->listens && !socket_->v6only
               && zds_addr_class (&socket_->local) == ZDS_CLASS_UNSPECIFIED
             ? 0
             : 1;
}

/*  What the process does with a library.  */
static const char *usage_of (const process_t *process_,
                             const process_library_t *library_)
{
    const process_library_t *used = process_library_in_use (process_);

    return used == NULL                   ? "in use, or another one is"
           : library_ != used             ? "not in use"
           : process_->library_count == 1 ? "in use"
           : used->is_program ? "in use: it is in the program itself"
                              : "in use: preloaded";
}

static void
put_number (FILE *out_, const char *name_, unsigned now_, unsigned plain_)
{
    if (now_ != plain_)
        fprintf (out_, "%s=%u ", name_, now_);
}

/*  The words in force that are not the default, and where they come from; the caller
    frees the text.  Empty if there are none.  */
static char *in_force (const process_t *process_)
{
    const zds_settings_t *const now = &process_->in_force;
    const char *const variable = process_variable (process_, "ZMQ_DUALSTACK");
    zds_settings_t plain;
    char *text = NULL;
    size_t size;
    FILE *const out = open_memstream (&text, &size);

    if (out == NULL)
        return NULL;
    zds_settings_default (&plain);
    fprintf (out, "%s%s", now->off ? "off " : "", now->any ? "any " : "");
    put_number (out, "attempt-delay", now->attempt_delay, plain.attempt_delay);
    put_number (out, "resolution-delay", now->resolution_delay,
                plain.resolution_delay);
    put_number (out, "resolver-threads", now->resolver_threads,
                plain.resolver_threads);
    if (now->trace)
        fprintf (out, "trace%s%s ", now->trace_file[0] == '\0' ? "" : "=",
                 now->trace_file);
    if (process_->file_fault != NULL)
        fprintf (out, ZDS_SETTINGS_FILE " is ignored, %s ",
                 process_->file_fault);
    if (ftell (out) > 0 || process_->is_privileged)
        fprintf (out, "(%s%s)",
                 process_->file_counts ? ZDS_SETTINGS_FILE ", " : "",
                 process_->is_privileged ? "environment not read: privileged"
                 : variable != NULL      ? "ZMQ_DUALSTACK"
                                         : "no ZMQ_DUALSTACK");
    fclose (out);
    return text;
}

/*  Whether other hosts can reach this listener.  */
static bool is_open (const process_socket_t *socket_)
{
    zds_addr_t addr = socket_->local;

    zds_addr_unmap (&addr);
    return socket_->listens
           && (zds_addr_family (&addr) == AF_INET
                 ? ntohl (addr.v4.sin_addr.s_addr) >> 24 != 127
                 : !IN6_IS_ADDR_LOOPBACK (&addr.v6.sin6_addr));
}

/*  Whether other hosts can reach a port over IPv6 only, by this listener.  */
static bool is_exposed (const process_t *process_, size_t number_)
{
    const process_socket_t *const one = &process_->socket[number_];
    size_t i;

    if (!is_open (one) || kind_of (one) != 1)
        return false;
    for (i = 0; i < process_->socket_count; i++) {
        const process_socket_t *const other = &process_->socket[i];
        if (is_open (other) && kind_of (other) != 1
            && zds_addr_port (&other->local) == zds_addr_port (&one->local))
            return false;
    }
    return true;
}

/*  --- text ------------------------------------------------------------------------  */

/*  The notes that a process gets both in the table and alone.  */
static void print_notes (const process_t *process_, const char *indent_)
{
    const process_library_t *const used = process_library_in_use (process_);
    char *const words = in_force (process_);
    char first[40];
    size_t i;

    if (words != NULL && words[0] != '\0' && used != NULL
        && used->about.is_ours) {
        snprintf (first, sizeof first, "%ssettings: ", indent_);
        cli_say (first, "%s", words);
    }
    free (words);
    for (i = 0; i < process_->socket_count; i++)
        if (is_exposed (process_, i))
            printf ("%sonly over IPv6: port %u\n", indent_,
                    zds_addr_port (&process_->socket[i].local));
    if (used != NULL && strstr (used->path, " (deleted)") != NULL)
        printf ("%sits libzmq was replaced (deleted): restart it\n", indent_);
    if (!process_->sockets_known)
        printf ("%ssockets: cannot be seen\n", indent_);
}

static void show_sockets (const process_t *process_, bool listening_)
{
    static const char *const names[] = {"IPv6 and IPv4", "IPv6", "IPv4"};
    char local[ZDS_ADDR_TEXT_SIZE], peer[ZDS_ADDR_TEXT_SIZE];
    size_t i;

    if (wants_json)
        json (listening_ ? "listeners[" : "connections[");
    else
        puts (listening_ ? "listens on:" : "connections:");
    for (i = 0; i < process_->socket_count; i++) {
        const process_socket_t *const one = &process_->socket[i];
        const char *const families = names[kind_of (one)];
        if (one->listens != listening_)
            continue;
        zds_host_format (&one->local, local, sizeof local);
        zds_host_format (&one->peer, peer, sizeof peer);
        if (!wants_json)
            printf ("  %-28s %s\n", local, listening_ ? families : peer);
        else if (listening_)
            json ("{ address=s families=s }", local, families);
        else
            json ("{ address=s families=s peer=s }", local, families, peer);
    }
    if (wants_json)
        json ("]");
}

static void print_library (const process_t *process_,
                           const process_library_t *one_)
{
    cli_say ("libzmq: ", "%s: %s%s%s%s; %s", one_->path,
             one_->is_unread        ? "cannot be read"
             : !one_->about.is_ours ? "without dual stack"
                                    : "dual stack ",
             one_->about.version,
             one_->about.is_ours ? ", made of libzmq " : "", one_->about.on,
             usage_of (process_, one_));
}

static void print_process (const process_t *process_)
{
    const char *const words = process_variable (process_, "ZMQ_DUALSTACK");
    size_t i;

    printf ("%ld ", process_->pid);
    cli_say ("", "%s", process_->program);
    if (process_->library_count == 0)
        puts ("no libzmq that the dynamic linker loaded");
    for (i = 0; i < process_->library_count; i++)
        print_library (process_, &process_->library[i]);
    if (words != NULL) {
        printf ("ZMQ_DUALSTACK: ");
        cli_put (words, strlen (words));
        putchar ('\n');
    }
    if (process_->library_count == 0)
        return;
    print_notes (process_, "");
    if (process_->sockets_known)
        show_sockets (process_, true);
    if (process_->sockets_known && wants_all)
        show_sockets (process_, false);
}

static const char head[] =
  "    PID PROGRAM              LIBZMQ     VERSION   LISTENS ON    CONNECTED\n"
  "                                                  both IPv6 IPv4  IPv6 "
  "IPv4\n";

/*  The version; for stock's libraries it is taken from their names.  */
static void put_version (const process_t *process_, char text_[40])
{
    const process_library_t *const used = process_library_in_use (process_);
    const char *const patch =
      used == NULL ? NULL : strstr (used->path, ".so.5.2.");

    text_[0] = '\0';
    if (used != NULL && used->about.is_ours)
        snprintf (text_, 40, "%s",
                  process_->in_force.off ? "off" : used->about.on);
    else if (patch != NULL)
        snprintf (text_, 40, "4.3.%.2s", patch + 8);
}

static void print_row (const process_t *process_)
{
    const process_library_t *const used = process_library_in_use (process_);
    const char *const slash = strrchr (process_->program, '/');
    unsigned count[2][3] = {{0}}, made; /* by listens, kind_of */
    char version[40];
    size_t i;

    for (i = 0; i < process_->socket_count; i++)
        count[process_->socket[i].listens][kind_of (&process_->socket[i])]++;
    put_version (process_, version);
    printf ("%7ld ", process_->pid);
    made = cli_put (slash == NULL ? process_->program : slash + 1, 20);
    printf ("%*s %-10s %-9s %4u %4u %4u  %4u %4u\n",
            made < 20 ? (int) (20 - made) : 0, "",
            used == NULL          ? "several"
            : used->about.is_ours ? "dual stack"
            : used->is_unread     ? "unread"
                                  : "stock",
            version, count[1][0], count[1][1], count[1][2], count[0][1],
            count[0][2]);
    print_notes (process_, "        ");
}

/*  --- JSON ------------------------------------------------------------------------  */

static void json_libraries (const process_t *process_)
{
    const process_library_t *used = process_library_in_use (process_);
    size_t i;

    json ("libraries[");
    for (i = 0; i < process_->library_count; i++) {
        const process_library_t *const one = &process_->library[i];
        const bool ours = one->about.is_ours;
        json ("{ path=s ours=o version=s libzmq_version=s", one->path,
              one->is_unread ? -1 : ours, ours ? one->about.version : NULL,
              ours ? one->about.on : NULL);
        json ("preloaded=b in_use=o why=s }", one->is_preloaded,
              used == NULL ? -1 : one == used, usage_of (process_, one));
    }
    json ("]");
}

static void json_process (const process_t *process_)
{
    const process_library_t *const used = process_library_in_use (process_);
    char *const words = in_force (process_);
    size_t i;

    json ("pid=i program=s dual_stack=o", process_->pid, process_->program,
          used == NULL && process_->library_count > 0
            ? -1
            : used != NULL && used->about.is_ours && !process_->in_force.off);
    json_libraries (process_);
    json ("settings=s off=b in_force=s privileged=b sockets_known=b",
          process_variable (process_, "ZMQ_DUALSTACK"), process_->in_force.off,
          words, process_->is_privileged, process_->sockets_known);
    show_sockets (process_, true);
    json ("only_over_ipv6[");
    for (i = 0; i < process_->socket_count; i++)
        if (is_exposed (process_, i))
            json ("=i", (long) zds_addr_port (&process_->socket[i].local));
    json ("]");
    if (wants_all)
        show_sockets (process_, false);
    free (words);
}

/*  --- processes -------------------------------------------------------------------  */

static unsigned shown; /* that use libzmq */

/*  Shows a process, in the table only if it uses libzmq.  Returns 0 or an errno.  */
static int show (long pid_, bool alone_)
{
    process_t process;
    const int rc = process_read (&process, pid_);

    if (rc == 0 && (alone_ || process.library_count > 0)) {
        if (wants_json) {
            json (alone_ ? "{ command=s" : "{", "status");
            json_process (&process);
            json ("}");
        } else if (alone_)
            print_process (&process);
        else {
            fputs (shown == 0 ? head : "", stdout);
            print_row (&process);
        }
        shown += process.library_count > 0;
    }
    process_free (&process);
    return rc;
}

static void show_all (void)
{
    DIR *const dir = opendir ("/proc");
    const struct dirent *entry;
    long hidden = 0;

    if (wants_json)
        json ("{ command=s processes[", "status");
    while (dir != NULL && (entry = readdir (dir)) != NULL)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            hidden += show (strtol (entry->d_name, NULL, 10), false) == EACCES;
    if (dir != NULL)
        closedir (dir);
    if (wants_json)
        json ("] not_seen=i }", hidden);
    else if (shown == 0)
        puts ("no process uses libzmq");
    if (!wants_json && hidden > 0)
        printf ("not looked at: %ld processes of others; root may.\n", hidden);
}

/*  The process ID that the word is; 0 if it is none.  */
static long read_pid (const char *word_)
{
    char *end;
    const long pid = strtol (word_, &end, 10);

    return word_[0] >= '0' && word_[0] <= '9' && *end == '\0'
               && pid <= 0x7fffffff
             ? pid
             : 0;
}

int cli_status (int argc_, char **argv_)
{
    static const struct option options[] = {
      {"all", no_argument, &wants_all, 1},
      {"json", no_argument, &wants_json, 1},
      {NULL, 0, NULL, 0}};
    const int count = cli_options (argc_, argv_, options, NULL);
    int rc;

    if (count < 0)
        return STATUS_USAGE;
    if (count > 1)
        return cli_usage (STATUS_USAGE, "status",
                          "one process id is wanted, or none");
    if (access ("/proc/self", F_OK) != 0)
        return cli_fail (STATUS_USAGE, "/proc",
                         "it is needed, and is not there");
    if (count == 0) {
        show_all ();
        return cli_flush (shown > 0 ? STATUS_YES : STATUS_NO);
    }
    if (read_pid (argv_[1]) == 0)
        return cli_usage (STATUS_USAGE, argv_[1], "not a process id");
    rc = show (read_pid (argv_[1]), true);
    if (rc != 0)
        cli_fail (0, argv_[1], "%s",
                  rc == ESRCH    ? "no such process"
                  : rc == EACCES ? "no permission to look at this process"
                                 : strerror (rc));
    return cli_flush (shown > 0 ? STATUS_YES : STATUS_NO);
}
