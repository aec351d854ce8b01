/* SPDX-License-Identifier: MPL-2.0 */

/*  Included before everything else when the core is compiled as if for a BSD:
    declares what that system's headers would.  */

static inline int issetugid (void)
{
    return 0;
}
