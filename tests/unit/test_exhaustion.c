/* SPDX-License-Identifier: MPL-2.0 */

/*  Every call that the system can refuse is refused once: memory, threads, locks,
    files.  Each scenario runs with its first such call failing, then with its second,
    and so on until none is left to fail.  Each time an errno or a missing answer says
    so, nothing leaks (unit-asan), and the next try works.

    --wrap redirects the core's calls to here (Makefile.am); calls inside the C
    library are not counted.  */

#include "text.h"

#include <fcntl.h>
#include <ifaddrs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "zds_host.h"
#include "zds_resolver.h"
#include "zds_trace.h"

enum
{
    MAX_CALLS = 500,
    PATIENCE = 60 /* s, until the test gives up */
};

/*  The calls.  */

/*  Until one fails; 0: none does.  */
static atomic_int calls_left;

static void let_fail (int call_)
{
    atomic_store (&calls_left, call_);
}

static bool is_to_fail (void)
{
    return atomic_load (&calls_left) > 0
           && atomic_fetch_sub (&calls_left, 1) == 1;
}

void *__wrap_malloc (size_t size_);
void *__real_malloc (size_t size_);
void *__wrap_calloc (size_t count_, size_t size_);
void *__real_calloc (size_t count_, size_t size_);
void *__wrap_realloc (void *block_, size_t size_);
void *__real_realloc (void *block_, size_t size_);
char *__wrap_strdup (const char *text_);
char *__real_strdup (const char *text_);
int __wrap_pthread_create (pthread_t *thread_,
                           const pthread_attr_t *attr_,
                           void *(*run_) (void *),
                           void *arg_);
int __real_pthread_create (pthread_t *thread_,
                           const pthread_attr_t *attr_,
                           void *(*run_) (void *),
                           void *arg_);
int __wrap_pthread_mutex_init (pthread_mutex_t *mutex_,
                               const pthread_mutexattr_t *attr_);
int __real_pthread_mutex_init (pthread_mutex_t *mutex_,
                               const pthread_mutexattr_t *attr_);
int __wrap_pthread_attr_init (pthread_attr_t *attr_);
int __real_pthread_attr_init (pthread_attr_t *attr_);
int __wrap_pthread_mutex_destroy (pthread_mutex_t *mutex_);
int __real_pthread_mutex_destroy (pthread_mutex_t *mutex_);
int __wrap_open (const char *path_, int flags_, ...);
int __real_open (const char *path_, int flags_, ...);
int __wrap_fstat (int fd_, struct stat *about_);
int __real_fstat (int fd_, struct stat *about_);
char *__wrap_realpath (const char *path_, char *buffer_);
char *__real_realpath (const char *path_, char *buffer_);
int __wrap_getifaddrs (struct ifaddrs **list_);
void __wrap_freeifaddrs (struct ifaddrs *list_);
int __wrap_socket (int family_, int type_, int protocol_);
int __real_socket (int family_, int type_, int protocol_);

static void *no_memory (void)
{
    errno = ENOMEM;
    return NULL;
}

void *__wrap_malloc (size_t size_)
{
    return is_to_fail () ? no_memory () : __real_malloc (size_);
}

void *__wrap_calloc (size_t count_, size_t size_)
{
    return is_to_fail () ? no_memory () : __real_calloc (count_, size_);
}

void *__wrap_realloc (void *block_, size_t size_)
{
    return is_to_fail () ? no_memory () : __real_realloc (block_, size_);
}

char *__wrap_strdup (const char *text_)
{
    return is_to_fail () ? no_memory () : __real_strdup (text_);
}

int __wrap_pthread_create (pthread_t *thread_,
                           const pthread_attr_t *attr_,
                           void *(*run_) (void *),
                           void *arg_)
{
    return is_to_fail () ? EAGAIN
                         : __real_pthread_create (thread_, attr_, run_, arg_);
}

/*  Locks that were made and are not destroyed.  */
static atomic_int locks;

static int made (int rc_)
{
    if (rc_ == 0)
        atomic_fetch_add (&locks, 1);
    return rc_;
}

int __wrap_pthread_mutex_init (pthread_mutex_t *mutex_,
                               const pthread_mutexattr_t *attr_)
{
    return is_to_fail () ? EAGAIN
                         : made (__real_pthread_mutex_init (mutex_, attr_));
}

int __wrap_pthread_mutex_destroy (pthread_mutex_t *mutex_)
{
    atomic_fetch_sub (&locks, 1);
    return __real_pthread_mutex_destroy (mutex_);
}

int __wrap_pthread_attr_init (pthread_attr_t *attr_)
{
    return is_to_fail () ? ENOMEM : __real_pthread_attr_init (attr_);
}

static int no_descriptor (void)
{
    errno = EMFILE;
    return -1;
}

/*  Nobody here opens a file with another mode.  */
int __wrap_open (const char *path_, int flags_, ...)
{
    return is_to_fail () ? no_descriptor () : __real_open (path_, flags_, 0666);
}

int __wrap_fstat (int fd_, struct stat *about_)
{
    return is_to_fail () ? no_descriptor () : __real_fstat (fd_, about_);
}

char *__wrap_realpath (const char *path_, char *buffer_)
{
    return is_to_fail () ? no_memory () : __real_realpath (path_, buffer_);
}

/*  Many interfaces, so that a list grows several times.  */

enum
{
    INTERFACES = 70
};

static struct ifaddrs interfaces[INTERFACES];
static unsigned lists; /* not given back */

int __wrap_getifaddrs (struct ifaddrs **list_)
{
    static zds_addr_t addr[INTERFACES];
    static char name[] = "eth0";
    unsigned i;

    for (i = 0; i < INTERFACES; i++) {
        addr[i] = addr_of ("2001:db8::");
        addr[i].v6.sin6_addr.s6_addr[15] = (uint8_t) i;
        interfaces[i].ifa_name = name;
        interfaces[i].ifa_addr = &addr[i].sa;
        interfaces[i].ifa_next = i + 1 < INTERFACES ? &interfaces[i + 1] : NULL;
    }
    lists++;
    *list_ = interfaces;
    return 0;
}

void __wrap_freeifaddrs (struct ifaddrs *list_)
{
    assert_ptr_equal (list_, interfaces);
    lists--;
}

/*  There is no netlink socket, since only getifaddrs has so many interfaces.  */
int __wrap_socket (int family_, int type_, int protocol_)
{
    if (family_ != AF_NETLINK)
        return __real_socket (family_, type_, protocol_);
    errno = EPERM;
    return -1;
}

/*  The last thread of a resolver ends after the scenario.  */
static void wait_for_locks (void)
{
    const time_t end = time (NULL) + PATIENCE;

    while (atomic_load (&locks) != 0)
        assert_true (time (NULL) < end);
}

/*  Runs the scenario until no call fails in it any more.  It must have at least so
    many calls that can fail.  */
static void exhaust (void (*scenario_) (bool may_fail_), int at_least_)
{
    int call;

    for (call = 1;; call++) {
        bool has_failed;
        assert_true (call < MAX_CALLS);
        let_fail (call);
        scenario_ (true);
        has_failed = atomic_load (&calls_left) == 0;
        let_fail (0);
        scenario_ (false);
        wait_for_locks ();
        if (!has_failed)
            break;
    }
    if (call <= at_least_)
        fail_msg ("%d calls of at least %d", call - 1, at_least_);
}

/*  Interfaces.  */

static void list_interfaces (bool may_fail_)
{
    zds_ifaddr_t *ifaddrs;
    size_t count;
    const int rc = zds_host_ifaddrs (NULL, &ifaddrs, &count);

    assert_int_equal (lists, 0);
    if (rc != 0) {
        assert_true (may_fail_);
        assert_int_equal (rc, ENOMEM);
        assert_null (ifaddrs);
        assert_int_equal (count, 0);
        return;
    }
    assert_int_equal (count, INTERFACES);
    free (ifaddrs);
}

static void test_interfaces (void **state_)
{
    (void) state_;
    exhaust (list_interfaces, 3);
}

/*  Look-ups.  */

enum
{
    NAMES = 5
};

static struct
{
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_woken;
    bool is_open;
    unsigned begun;
} world = {.mutex = PTHREAD_MUTEX_INITIALIZER,
           .changed = PTHREAD_COND_INITIALIZER};

static pthread_t asker;

/*  Look-ups wait for each other, so that a second thread has to be started; but where
    no thread can be started, the caller looks the name up.  */
static void look_up (const char *host_, zds_look_t look_, zds_answer_t *answer_)
{
    (void) host_;
    pthread_mutex_lock (&world.mutex);
    world.begun++;
    pthread_cond_broadcast (&world.changed);
    while (!world.is_open && !pthread_equal (pthread_self (), asker))
        pthread_cond_wait (&world.changed, &world.mutex);
    pthread_mutex_unlock (&world.mutex);
    answer_->addr[0] = answer_->addr[1] =
      addr_of (look_ == ZDS_LOOK_IPV6 ? "2001:db8::1" : "192.0.2.1");
    answer_->count = 2;
}

static void wake (void *arg_)
{
    (void) arg_;
    pthread_mutex_lock (&world.mutex);
    world.is_woken = true;
    pthread_cond_broadcast (&world.changed);
    pthread_mutex_unlock (&world.mutex);
}

static void open_gate (bool is_open_)
{
    pthread_mutex_lock (&world.mutex);
    world.is_open = is_open_;
    world.begun = 0;
    pthread_cond_broadcast (&world.changed);
    pthread_mutex_unlock (&world.mutex);
}

static void wait_for (const bool *flag_)
{
    struct timespec end;
    int rc = 0;

    clock_gettime (CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE;
    pthread_mutex_lock (&world.mutex);
    while (!*flag_ && rc == 0)
        rc = pthread_cond_timedwait (&world.changed, &world.mutex, &end);
    pthread_mutex_unlock (&world.mutex);
    assert_int_equal (rc, 0);
}

static bool check_answer (zds_waiter_t *waiter_)
{
    zds_answer_t *const answer = waiter_->answer;
    bool is_there = answer != NULL;

    if (is_there) {
        assert_int_equal (answer->status, ZDS_LOOKUP_DONE);
        assert_int_equal (answer->count, 2);
    }
    free (answer);
    return is_there;
}

/*  Asks for all names, and collects what comes; returns the number of answers.  */
static unsigned ask_all (zds_resolver_t *resolver_)
{
    zds_waiter_t waiter[NAMES], *one;
    zds_inbox_t inbox;
    unsigned answers = 0, pending = 0, i;

    zds_inbox_init (&inbox, wake, NULL);
    open_gate (false);
    for (i = 0; i < NAMES; i++) {
        char name[] = "name0";
        name[4] = (char) ('0' + i);
        if (zds_resolver_ask (resolver_, name,
                              i % 2 == 0 ? ZDS_LOOK_IPV6 : ZDS_LOOK_WHOLE,
                              ZDS_LOOK_IPV6, &waiter[i], &inbox))
            answers += check_answer (&waiter[i]);
        else
            pending++;
    }
    open_gate (true);
    while (pending > 0) {
        one = zds_resolver_collect (resolver_, &inbox);
        if (one != NULL) {
            answers += check_answer (one);
            pending--;
            continue;
        }
        wait_for (&world.is_woken);
        pthread_mutex_lock (&world.mutex);
        world.is_woken = false;
        pthread_mutex_unlock (&world.mutex);
    }
    return answers;
}

/*  One failure costs one answer at the most, and the resolver goes on.  */
static void use_resolver (bool may_fail_)
{
    zds_resolver_t *const resolver =
      zds_resolver_new (2, "test", look_up, clock_ms);
    unsigned answers;

    if (resolver == NULL) {
        assert_true (may_fail_);
        return;
    }
    answers = ask_all (resolver);
    assert_true (answers <= NAMES
                 && answers >= (may_fail_ ? NAMES - 1 : NAMES));
    if (may_fail_ && atomic_load (&calls_left) == 0)
        assert_int_equal (ask_all (resolver), NAMES);
    zds_resolver_release (resolver);
}

/*  The resolver and its lock; for each name a query, a thread with what it takes to
    start it, an answer, and the copy of that for the caller.  */
static void test_look_ups (void **state_)
{
    (void) state_;
    asker = pthread_self ();
    exhaust (use_resolver, 2 + 4 * NAMES);
}

/*  Traces.  */

static char trace_path[] = "/tmp/zds-exhaustion-XXXXXX";

/*  The content of the file, which is then emptied.  */
static const char *trace_text (void)
{
    static char text[4096];
    const int fd = __real_open (trace_path, O_RDWR);
    const ssize_t size = read (fd, text, sizeof text - 1);

    assert_true (size >= 0);
    text[size] = '\0';
    assert_int_equal (ftruncate (fd, 0), 0);
    close (fd);
    return text;
}

/*  A line that cannot be written is lost, and a later one says so.  In between, the
    application closes a descriptor that is not its own.  */
static void use_trace (bool may_fail_)
{
    zds_subject_t subject = {NULL, 0, "bind", "tcp", "*:5"};
    zds_trace_t *trace = NULL;
    const char *text;
    int rc;

    rc = zds_trace_open (&trace, trace_path);
    if (rc != 0) {
        assert_true (may_fail_);
        assert_true (rc == ENOMEM || rc == EMFILE);
        assert_null (trace);
        return;
    }
    subject.trace = trace;
    zds_trace_say (&subject, "first");
    text = trace_text ();
    assert_true (strstr (text, "first") != NULL || may_fail_);
    zds_trace_close (trace);
}

static void test_traces (void **state_)
{
    const int fd = mkstemp (trace_path);
    (void) state_;

    assert_true (fd >= 0);
    close (fd);
    exhaust (use_trace, 5);
    unlink (trace_path);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_interfaces),
      cmocka_unit_test (test_look_ups),
      cmocka_unit_test (test_traces),
    };
    return cmocka_run_group_tests_name ("exhaustion", tests, NULL, NULL);
}
