/* SPDX-License-Identifier: MPL-2.0 */

#ifndef ZDS_MODE_H_INCLUDED
#define ZDS_MODE_H_INCLUDED

/*  How a ZeroMQ socket treats the two address families.

    AUTO  the application said nothing: dual stack, and what it reads back is
          what an IPv4-only socket would have shown wherever that one works
    V6    the application set ZMQ_IPV6=1 (or ZMQ_IPV4ONLY=0)
    V4    the application set ZMQ_IPV6=0 (or ZMQ_IPV4ONLY=1), or said nothing
          where the administrator switched dual stack off  */
typedef enum
{
    ZDS_MODE_AUTO,
    ZDS_MODE_V6,
    ZDS_MODE_V4
} zds_mode_t;

#endif
