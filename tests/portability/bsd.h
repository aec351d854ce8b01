/* SPDX-License-Identifier: MPL-2.0 */

/*  Included ahead of everything when the core is compiled as if for a BSD: what
    its headers would declare.  */

static inline int issetugid (void)
{
    return 0;
}
