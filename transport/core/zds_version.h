/* SPDX-License-Identifier: MPL-2.0 */

/*  The one place of the version; "make check" compares configure.ac's with it.  */

#ifndef ZDS_VERSION_H_INCLUDED
#define ZDS_VERSION_H_INCLUDED

#define ZDS_VERSION "0.2.0"

/*  A text in the patched library begins with this.  It goes on with the version,
    " on libzmq " and libzmq's version: what(1) shows it, and zmq-dualstack knows
    the library by it.  */
#define ZDS_MARKER "@(#)libzmq-dualstack "
#define ZDS_MARKER_ON " on libzmq "

#endif
