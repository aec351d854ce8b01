/* SPDX-License-Identifier: MPL-2.0 */

/*  dial_size: prints "dial.bytes N", the memory that one connect takes, its race
    included, from its beginning until its connecter ends.  Compiled with the headers
    of the patched libzmq's source.  */

#include "precompiled.hpp"

#include <stdio.h>

#include "dualstack_dial.hpp"
#include "zds_addr.h"

int main ()
{
    printf ("dial.bytes %u\n",
            static_cast<unsigned> (sizeof (zmq::dualstack_dial_t)
                                   + sizeof (zds_endpoint_t)));
    return 0;
}
