/* SPDX-License-Identifier: MPL-2.0 */

#include "text.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zds_trace.h"

static const zds_subject_t nobody = {NULL, 2, "connect", "tcp", "server:5555"};

static void
check_format (uint64_t time_, const char *text_, const char *expected_)
{
    char line[ZDS_TRACE_LINE_SIZE + 1];
    const size_t size = zds_trace_format (line, time_, 4711, &nobody, text_);

    assert_true (size <= ZDS_TRACE_LINE_SIZE);
    line[size] = '\0';
    assert_string_equal (line, expected_);
}

#define AT(time) time " 4711 socket 2 connect tcp://server:5555: x\n"

static void test_times (void **state_)
{
    (void) state_;
    check_format (0, "x", AT ("0.000000"));
    check_format (1796046223000456, "x", AT ("1796046223.000456"));
}

static void test_a_line_is_one_line (void **state_)
{
    zds_subject_t subject = nobody;
    char line[ZDS_TRACE_LINE_SIZE], text[2 * ZDS_TRACE_LINE_SIZE];
    size_t size;
    (void) state_;

    check_format (0, "a\nb\x1b[31m\x7f",
                  "0.000000 4711 socket 2 connect "
                  "tcp://server:5555: a\\x0ab\\x1b[31m\\x7f\n");
    subject.socket = 0;
    subject.address = "\r";
    size = zds_trace_format (line, 0, 1, &subject, "x");
    line[size] = '\0';
    assert_string_equal (line, "0.000000 1 connect tcp://\\x0d: x\n");

    memset (text, 'y', sizeof text);
    text[sizeof text - 1] = '\0';
    size = zds_trace_format (line, 0, 1, &subject, text);
    assert_int_equal (size, ZDS_TRACE_LINE_SIZE);
    assert_memory_equal (line + size - 5, "y...\n", 5);
    /*  The cut falls into an escape.  */
    memset (text, '\r', sizeof text - 1);
    for (subject.address = "a"; strlen (subject.address) < 5;
         subject.address = strcmp (subject.address, "a") == 0     ? "ab"
                           : strcmp (subject.address, "ab") == 0  ? "abc"
                           : strcmp (subject.address, "abc") == 0 ? "abcd"
                                                                  : "abcde") {
        size = zds_trace_format (line, 0, 1, &subject, text);
        assert_int_equal (size, ZDS_TRACE_LINE_SIZE);
        assert_memory_equal (line + size - 4, "...\n", 4);
    }
}

/*  --- files ------------------------------------------------------------------  */

typedef struct
{
    char directory[32], path[64];
} place_t;

static int make_place (void **state_)
{
    place_t *const place = calloc (1, sizeof *place);

    if (place == NULL)
        return -1;
    strcpy (place->directory, "/tmp/zds-trace-XXXXXX");
    assert_non_null (mkdtemp (place->directory));
    sprintf (place->path, "%s/trace", place->directory);
    *state_ = place;
    return 0;
}

static int remove_place (void **state_)
{
    place_t *const place = *state_;

    unlink (place->path);
    assert_int_equal (rmdir (place->directory), 0);
    free (place);
    return 0;
}

static zds_subject_t subject_on (const char *path_)
{
    zds_subject_t subject = nobody;

    assert_int_equal (zds_trace_open (&subject.trace, path_), 0);
    return subject;
}

/*  The file's content, or its lines from the endpoint on.  */
static const char *content_of (const char *path_, char *buffer_, size_t size_)
{
    FILE *const file = fopen (path_, "re");
    size_t used;

    assert_non_null (file);
    used = fread (buffer_, 1, size_ - 1, file);
    buffer_[used] = '\0';
    fclose (file);
    return buffer_;
}

static unsigned count_lines (const char *path_, const char *part_)
{
    static char text[1 << 20];
    const char *at = content_of (path_, text, sizeof text);
    unsigned n = 0;

    for (; (at = strstr (at, part_)) != NULL; at++)
        n++;
    return n;
}

static void expect_last (const char *path_, const char *text_)
{
    char text[1 << 16], expected[ZDS_TRACE_LINE_SIZE];
    char *last;

    content_of (path_, text, sizeof text);
    assert_true (strlen (text) > 0);
    text[strlen (text) - 1] = '\0';
    last = strrchr (text, '\n');
    last = last == NULL ? text : last + 1;
    snprintf (expected, sizeof expected,
              " %ld socket 2 connect "
              "tcp://server:5555: %s",
              (long) getpid (), text_);
    assert_non_null (strchr (last, ' '));
    assert_string_equal (strchr (last, ' '), expected);
}

static void test_nothing_without_a_trace (void **state_)
{
    zds_race_t race;
    zds_race_step_t step;
    zds_listener_t listener;
    (void) state_;

    memset (&race, 0, sizeof race);
    memset (&step, 0, sizeof step);
    memset (&listener, 0, sizeof listener);
    zds_trace_say (&nobody, "x");
    zds_trace_address (&nobody, "", NULL, "x");
    zds_trace_listener (&nobody, &listener, ZDS_AT_BIND, 0, 1);
    zds_trace_answer (&nobody, ZDS_LOOK_IPV4, NULL);
    zds_trace_step (&nobody, &race, &step);
    zds_trace_attempt (&nobody, &race, 0, 0, 0);
    zds_trace_close (NULL);
}

static void test_a_file_is_appended_to (void **state_)
{
    const place_t *const place = *state_;
    zds_subject_t one = subject_on (place->path);
    zds_subject_t other;
    zds_addr_t addr;

    errno = EDOM;
    zds_trace_say (&one, "first");
    assert_int_equal (errno, EDOM);
    expect_last (place->path, "first");
    other = subject_on (place->path);
    zds_trace_say (&other, "second, number %d", 2);
    expect_last (place->path, "second, number 2");
    zds_trace_close (other.trace);
    zds_trace_say (&one, "third");
    expect_last (place->path, "third");
    zds_addr_any (&addr, AF_INET);
    zds_trace_address (&one, "tries ", &addr, ": why not");
    expect_last (place->path, "tries 0.0.0.0: why not");
    zds_trace_close (one.trace);
    assert_int_equal (count_lines (place->path, "\n"), 4);
}

static void test_what_cannot_be_opened (void **state_)
{
    const place_t *const place = *state_;
    zds_trace_t *trace = (zds_trace_t *) &trace;
    char path[96];

    snprintf (path, sizeof path, "%s/no/trace", place->directory);
    assert_int_equal (zds_trace_open (&trace, path), ENOENT);
    assert_int_equal (zds_trace_open (&trace, place->directory), EISDIR);
    assert_ptr_equal (trace, &trace);
    /*  A FIFO that nobody reads: opening it does not wait.  */
    assert_int_equal (mkfifo (place->path, 0600), 0);
    assert_int_equal (zds_trace_open (&trace, place->path), ENXIO);
}

/*  Daemons close all descriptors; the number may then belong to another file, which
    must not get our lines.  */
static void test_a_descriptor_that_was_closed (void **state_)
{
    const place_t *const place = *state_;
    const int next = dup (STDERR_FILENO);
    zds_subject_t subject;
    char other[96], text[256];
    int fd;

    close (next);
    subject = subject_on (place->path);
    assert_int_equal (close (next), 0);
    zds_trace_say (&subject, "closed");

    snprintf (other, sizeof other, "%s/other", place->directory);
    fd = open (other, O_RDWR | O_CREAT, 0600);
    assert_int_equal (fd, next);
    zds_trace_say (&subject, "reused");
    assert_string_equal (content_of (other, text, sizeof text), "");
    assert_string_equal (content_of (place->path, text, sizeof text), "");
    zds_trace_close (subject.trace);
    assert_int_equal (close (fd), 0);
    unlink (other);
}

/*  Nobody reads: lines are lost, and nothing waits.  */
static void lose_lines (int read_fd_, const zds_subject_t *subject_)
{
    char text[1 << 17];
    ssize_t size;
    unsigned said;

    for (said = 0; said < 5000; said++)
        zds_trace_say (subject_, "line %u", said);
    size = read (read_fd_, text, sizeof text - 1);
    assert_true (size > 0);
    text[size] = '\0';
    assert_null (strstr (text, "line 4999\n"));
    zds_trace_say (subject_, "after");
    size = read (read_fd_, text, sizeof text - 1);
    assert_true (size > 0);
    text[size] = '\0';
    assert_non_null (strstr (text, ": after\n"));
}

static void test_a_slow_reader_of_a_fifo (void **state_)
{
    const place_t *const place = *state_;
    zds_subject_t subject;
    int fd;

    assert_int_equal (mkfifo (place->path, 0600), 0);
    fd = open (place->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true (fd >= 0);
    subject = subject_on (place->path);
    lose_lines (fd, &subject);
    close (fd);
    /*  No SIGPIPE.  */
    zds_trace_say (&subject, "nobody");
    zds_trace_close (subject.trace);
}

/*  Some programs start others with a socket for stderr.  */
static int socket_pair (int *fds_)
{
    return socketpair (AF_UNIX, SOCK_STREAM, 0, fds_);
}

/*  Runs in a child, so that its stderr can be a pipe.  */
static void in_child_with_stderr (int (*make_) (int *fds_),
                                  void (*run_) (int read_fd_))
{
    int status;
    const pid_t child = fork ();

    if (child == 0) {
        int fds[2];
        if (make_ (fds) != 0 || dup2 (fds[1], STDERR_FILENO) < 0)
            _exit (98);
        close (fds[1]);
        run_ (fds[0]);
        _exit (42);
    }
    assert_int_equal (waitpid (child, &status, 0), child);
    assert_true (WIFEXITED (status));
    assert_int_equal (WEXITSTATUS (status), 42);
}

static void read_slowly (int read_fd_)
{
    zds_subject_t subject = subject_on (NULL);

    lose_lines (read_fd_, &subject);
    zds_trace_close (subject.trace);
}

/*  There must be no SIGPIPE, which would end the application.  */
static void read_never (int read_fd_)
{
    zds_subject_t subject = subject_on (NULL);

    close (read_fd_);
    zds_trace_say (&subject, "x");
    close (STDERR_FILENO);
    zds_trace_say (&subject, "x");
    zds_trace_close (subject.trace);
}

static void test_stderr_that_is_a_socket (void **state_)
{
    const int before = dup (STDERR_FILENO);
    char text[ZDS_TRACE_LINE_SIZE];
    zds_subject_t subject;
    ssize_t size;
    int fds[2];
    (void) state_;

    assert_int_equal (socket_pair (fds), 0);
    assert_int_equal (dup2 (fds[1], STDERR_FILENO), STDERR_FILENO);
    subject = subject_on (NULL);
    zds_trace_say (&subject, "x");
    zds_trace_close (subject.trace);
    assert_int_equal (dup2 (before, STDERR_FILENO), STDERR_FILENO);
    size = recv (fds[0], text, sizeof text - 1, MSG_DONTWAIT);
    assert_true (size > 0);
    text[size] = '\0';
    assert_non_null (strstr (text, "tcp://server:5555: x\n"));
    close (before);
    close (fds[0]);
    close (fds[1]);
}

/*  Whatever gets the number of stderr after that was closed must not be written
    to.  */
static void close_and_connect (int read_fd_)
{
    zds_subject_t subject = subject_on (NULL);
    char text[ZDS_TRACE_LINE_SIZE];
    int fds[2];

    zds_trace_say (&subject, "x");
    if (read (read_fd_, text, sizeof text) <= 0
        || socketpair (AF_UNIX, SOCK_STREAM, 0, fds) != 0
        || dup2 (fds[1], STDERR_FILENO) < 0)
        _exit (97);
    zds_trace_say (&subject, "x");
    if (recv (fds[0], text, sizeof text, MSG_DONTWAIT) != -1)
        _exit (96);
    zds_trace_close (subject.trace);
}

static void test_stderr_that_was_closed (void **state_)
{
    (void) state_;
    in_child_with_stderr (pipe, close_and_connect);
    in_child_with_stderr (socket_pair, close_and_connect);
}

static void test_a_slow_reader_of_stderr (void **state_)
{
    (void) state_;
    in_child_with_stderr (pipe, read_slowly);
}

static void test_stderr_without_a_reader (void **state_)
{
    (void) state_;
    in_child_with_stderr (pipe, read_never);
    in_child_with_stderr (socket_pair, read_never);
}

enum
{
    THREADS = 4,
    LINES = 500
};

static void *say_much (void *subject_)
{
    char text[901];
    unsigned i, k;

    memset (text, 'x', sizeof text);
    for (i = 0; i < LINES; i++) {
        /*  Each thread writes a different line each time, in letters, because numbers
            may be taken for ports.  */
        for (k = 0; k < 16; k++)
            text[k] = (i >> k & 1) != 0 ? 'y' : 'x';
        for (; k < 64; k++)
            text[k] = ((uintptr_t) text >> (k - 16) & 1) != 0 ? 'y' : 'x';
        text[900] = '\0';
        zds_trace_say (subject_, "%s", text);
    }
    return NULL;
}

/*  Threads of a process and of its child.  */
static void test_lines_do_not_mix (void **state_)
{
    const place_t *const place = *state_;
    zds_subject_t subject = subject_on (place->path);
    pthread_t threads[THREADS];
    FILE *file;
    char line[2 * ZDS_TRACE_LINE_SIZE];
    unsigned i, n = 0;
    pid_t child;
    int status;

    for (i = 0; i < THREADS; i++)
        assert_int_equal (
          pthread_create (&threads[i], NULL, say_much, &subject), 0);
    child = fork ();
    if (child == 0) {
        say_much (&subject);
        _exit (0);
    }
    for (i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);
    waitpid (child, &status, 0);
    assert_int_equal (status, 0);
    zds_trace_close (subject.trace);

    file = fopen (place->path, "re");
    assert_non_null (file);
    while (fgets (line, sizeof line, file) != NULL) {
        const char *const text = strstr (line, "tcp://server:5555: ");
        assert_non_null (text);
        assert_int_equal (strlen (text), strlen ("tcp://server:5555: ") + 901);
        n++;
    }
    fclose (file);
    assert_int_equal (n, (THREADS + 1) * LINES);
}

/*  A refusing server must not fill a disk.  */
static void test_repeated_lines (void **state_)
{
    const place_t *const place = *state_;
    zds_subject_t subject = subject_on (place->path), other = subject;
    unsigned i;

    other.address = "else:5555";
    for (i = 0; i < 1000; i++) {
        zds_trace_say (&subject, "10.0.0.1:5555 refused after %u ms", i);
        zds_trace_say (&subject, "refuses 10.0.0.2:%u", 40000 + i);
    }
    assert_int_equal (count_lines (place->path, "\n"), 4);
    zds_trace_say (&other, "another endpoint");
    assert_int_equal (count_lines (place->path, "left out"), 0);
    zds_trace_say (&subject, "10.0.0.3:5555 refused after 0 ms");
    expect_last (place->path, "10.0.0.3:5555 refused after 0 ms (1996 lines "
                              "like earlier ones were left out)");
    zds_trace_say (&subject, "over");
    expect_last (place->path, "over");
    other = subject;
    other.socket = 3;
    zds_trace_say (&other, "over");
    zds_trace_say (&other, "over");
    zds_trace_say (&other, "over");
    assert_int_equal (count_lines (place->path, ": over\n"), 3);
    zds_trace_close (subject.trace);
}

/*  --- what is told -----------------------------------------------------------  */

static void test_binds (void **state_)
{
    const place_t *const place = *state_;
    zds_subject_t subject = subject_on (place->path);
    zds_listener_t listener;

    assert_string_equal (zds_mode_name (ZDS_MODE_AUTO), "auto");
    assert_string_equal (zds_mode_name (ZDS_MODE_V6), "v6");
    assert_string_equal (zds_mode_name (ZDS_MODE_V4), "v4");
    memset (&listener, 0, sizeof listener);
    listener.addr = addr_of ("::");
    listener.v6only = ZDS_V6ONLY_OFF;
    zds_trace_listener (&subject, &listener, ZDS_AT_BIND, 0, 5555);
    expect_last (place->path, "listens on [::]:5555, IPv4 too");
    listener.addr = addr_of ("2001:db8::1");
    listener.v6only = ZDS_V6ONLY_ON;
    listener.freebind = true;
    zds_trace_listener (&subject, &listener, ZDS_AT_BIND, 0, 5555);
    expect_last (place->path,
                 "listens on [2001:db8::1]:5555, which is still tentative");
    zds_addr_set_port (&listener.addr, 80);
    zds_trace_listener (&subject, &listener, ZDS_AT_BIND, EADDRINUSE, 0);
    expect_last (
      place->path,
      "cannot listen on [2001:db8::1]:80: EADDRINUSE at bind or listen");
    zds_trace_listener (&subject, &listener, ZDS_AT_SOCKET, EMFILE, 0);
    expect_last (place->path,
                 "cannot listen on [2001:db8::1]:80: EMFILE at socket");
    zds_trace_listener (&subject, &listener, ZDS_AT_V6ONLY, EINVAL, 0);
    expect_last (place->path,
                 "cannot listen on [2001:db8::1]:80: EINVAL at IPV6_V6ONLY");
    zds_trace_listener (&subject, &listener, ZDS_AT_OPTION, 9999, 0);
    expect_last (place->path,
                 "cannot listen on [2001:db8::1]:80: errno 9999 at "
                 "a socket option");
    zds_trace_close (subject.trace);
}

static void test_answers (void **state_)
{
    const place_t *const place = *state_;
    zds_subject_t subject = subject_on (place->path);
    zds_answer_t room;
    zds_answer_t *const answer = &room;
    unsigned i;

    zds_trace_answer (&subject, ZDS_LOOK_IPV6, NULL);
    expect_last (place->path,
                 "AAAA: no look-up: no memory, descriptor or thread");
    memset (&room, 0, sizeof room);
    answer->status = ZDS_LOOKUP_DONE;
    zds_trace_answer (&subject, ZDS_LOOK_IPV4, answer);
    expect_last (place->path, "A: no address");
    answer->status = ZDS_LOOKUP_TEMPORARY;
    zds_trace_answer (&subject, ZDS_LOOK_IPV4, answer);
    expect_last (place->path, "A: no answer now, a temporary failure");
    answer->status = ZDS_LOOKUP_DONE;
    answer->count = 64;
    for (i = 0; i < 64; i++)
        answer->addr[i] = addr_of ("2001:db8:aaaa:bbbb:cccc:dddd::1");
    answer->addr[0] = addr_of ("192.0.2.1");
    zds_trace_answer (&subject, ZDS_LOOK_IPV4, answer);
    assert_int_equal (count_lines (place->path, "A: 192.0.2.1, 2001:"), 1);
    assert_int_equal (count_lines (place->path, "...\n"), 1);
    answer->count = 2;
    answer->addr[1] = addr_of ("192.0.2.2");
    zds_trace_answer (&subject, ZDS_LOOK_IPV4, answer);
    expect_last (place->path, "A: 192.0.2.1, 192.0.2.2");
    zds_trace_close (subject.trace);
}

static zds_race_step_t
step_now (const zds_subject_t *subject_, zds_race_t *race_, uint64_t now_)
{
    const zds_race_step_t step = zds_race_next (race_, now_);

    zds_trace_step (subject_, race_, &step);
    return step;
}

static void test_races (void **state_)
{
    const place_t *const place = *state_;
    zds_subject_t subject = subject_on (place->path);
    zds_race_config_t config;
    zds_answer_t answer;
    zds_race_t race;

    memset (&answer, 0, sizeof answer);
    answer.addr[0] = addr_of ("2001:db8::1");
    answer.addr[1] = addr_of ("192.0.2.1");
    answer.count = 2;
    zds_race_config_default (&config);
    config.port = 5555;
    zds_race_init (&race, &config, 0);
    step_now (&subject, &race, 0);
    expect_last (place->path,
                 "looks up A and AAAA: what every program on this host gets");
    zds_race_answer (&race, ZDS_LOOK_WHOLE, &answer);
    step_now (&subject, &race, 0);
    expect_last (place->path, "tries [2001:db8::1]:5555: IPv6 comes first, as "
                              "the system orders; the answer is there");
    step_now (&subject, &race, 1);
    step_now (&subject, &race, 250);
    expect_last (place->path, "tries 192.0.2.1:5555: the families take turns; "
                              "silence for the attempt delay");
    zds_trace_attempt (&subject, &race, 1, ECONNREFUSED, 253);
    expect_last (place->path, "192.0.2.1:5555 ECONNREFUSED after 3 ms");
    zds_race_failed (&race, 1, ECONNREFUSED);
    zds_trace_attempt (&subject, &race, 1, 0, 253);
    step_now (&subject, &race, 500);
    expect_last (place->path,
                 "tries what failed again after the reconnect interval: "
                 "something failed, and what is left is silent");
    zds_race_again (&race);
    step_now (&subject, &race, 600);
    expect_last (
      place->path,
      "looks up A and AAAA: once more, the reconnect interval is over");
    zds_race_answer (&race, ZDS_LOOK_WHOLE, &answer);
    step_now (&subject, &race, 850);
    zds_trace_attempt (&subject, &race, 1, 0, 854);
    expect_last (place->path, "192.0.2.1:5555 connects after 4 ms");
    zds_race_connected (&race, 1, 854);
    step_now (&subject, &race, 854);
    expect_last (place->path, "gives [2001:db8::1]:5555 up: another one won");
    step_now (&subject, &race, 854);
    expect_last (place->path, "uses 192.0.2.1:5555: it connected first");
    assert_int_equal (count_lines (place->path, "\n"), 10);

    zds_race_init (&race, &config, 0);
    zds_race_next (&race, 0);
    zds_race_answer (&race, ZDS_LOOK_WHOLE, NULL);
    step_now (&subject, &race, 0);
    expect_last (place->path,
                 "looks up A: the whole answer could not be had now");
    zds_race_answer (&race, ZDS_LOOK_IPV6, NULL);
    zds_race_answer (&race, ZDS_LOOK_IPV4, NULL);
    step_now (&subject, &race, 0);
    expect_last (place->path,
                 "fails, EHOSTUNREACH: there is no address to try");
    zds_trace_close (subject.trace);
}

static void test_names (void **state_)
{
    (void) state_;
    assert_string_equal (zds_mode_name (ZDS_MODE_AUTO), "auto");
    assert_string_equal (zds_mode_name (ZDS_MODE_V6), "v6");
    assert_string_equal (zds_mode_name (ZDS_MODE_V4), "v4");
    assert_string_equal (zds_errno_name (ECONNREFUSED), "ECONNREFUSED");
    assert_string_equal (zds_errno_name (EHOSTDOWN), "EHOSTDOWN");
    assert_null (zds_errno_name (9999));
}

int main (void)
{
#define IN_PLACE(test)                                                         \
    cmocka_unit_test_setup_teardown (test, make_place, remove_place)
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_times),
      cmocka_unit_test (test_a_line_is_one_line),
      cmocka_unit_test (test_nothing_without_a_trace),
      IN_PLACE (test_a_file_is_appended_to),
      IN_PLACE (test_what_cannot_be_opened),
      IN_PLACE (test_a_descriptor_that_was_closed),
      IN_PLACE (test_a_slow_reader_of_a_fifo),
      cmocka_unit_test (test_a_slow_reader_of_stderr),
      cmocka_unit_test (test_stderr_without_a_reader),
      cmocka_unit_test (test_stderr_that_is_a_socket),
      cmocka_unit_test (test_stderr_that_was_closed),
      IN_PLACE (test_lines_do_not_mix),
      IN_PLACE (test_repeated_lines),
      IN_PLACE (test_binds),
      IN_PLACE (test_answers),
      IN_PLACE (test_races),
      cmocka_unit_test (test_names),
    };
    return cmocka_run_group_tests_name ("trace", tests, NULL, NULL);
}
