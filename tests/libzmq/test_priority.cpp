/* SPDX-License-Identifier: MPL-2.0 */

//  A socket priority that takes a privilege, without that privilege.

#include "testutil_tcp.hpp"

#ifdef __linux__
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

SETUP_TEARDOWN_TESTCONTEXT

void test_without_privilege ()
{
#if !defined ZMQ_BUILD_DRAFT_API || !defined __linux__
    TEST_IGNORE_MESSAGE ("ZMQ_PRIORITY takes no privilege here");
#else
    void *server = test_context_socket (ZMQ_DEALER);
    set_int (server, ZMQ_PRIORITY, 7);
    const endpoint_t endpoint ("127.0.0.1",
                               bind_to (server, "tcp://127.0.0.1:*"));
    void *client = test_context_socket (ZMQ_DEALER);
    set_int (client, ZMQ_PRIORITY, 7);
    TEST_ASSERT_SUCCESS_ERRNO (zmq_connect (client, endpoint.text));

    bounce (server, client);

    test_context_socket_close (client);
    test_context_socket_close (server);
#endif
}

//  Root's, too. The I/O threads, which begin later, have none either.
static void drop_privileges ()
{
#ifdef __linux__
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];
    memset (none, 0, sizeof none);
    TEST_ASSERT_EQUAL_INT (0, syscall (SYS_capset, &header, none));
#endif
}

int main ()
{
    setup_test_environment ();
    drop_privileges ();

    UNITY_BEGIN ();
    RUN_TEST (test_without_privilege);
    return UNITY_END ();
}
