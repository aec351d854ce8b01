dnl SPDX-License-Identifier: MPL-2.0
dnl
dnl What libzmq's configure.ac includes, as src/dualstack.m4: the switch, and what the linker has to
dnl do.

AC_ARG_ENABLE([dualstack],
    [AS_HELP_STRING([--disable-dualstack], [use one family where the application says nothing about IPv6])])
AM_CONDITIONAL(ENABLE_DUALSTACK, test "x$enable_dualstack" != "xno")
if test "x$enable_dualstack" != "xno"; then
AC_DEFINE(ZMQ_HAVE_DUALSTACK, [1], [Using both families over TCP])
AC_SEARCH_LIBS([dladdr], [dl],
    [AS_CASE(["$ac_cv_search_dladdr"], [-l*],
        [PKGCFG_LIBS_PRIVATE="$PKGCFG_LIBS_PRIVATE $ac_cv_search_dladdr"])])

# The library stays in memory: a thread may still be inside getaddrinfo when nobody needs it any more,
# and by then it is too late to decide.
AC_MSG_CHECKING([whether the linker knows -z nodelete])
libzmq_save_LDFLAGS="$LDFLAGS"
LDFLAGS="$LDFLAGS -Wl,-z,nodelete"
AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
    [AC_MSG_RESULT([yes])
     LIBZMQ_EXTRA_LDFLAGS="-Wl,-z,nodelete ${LIBZMQ_EXTRA_LDFLAGS}"],
    [AC_MSG_RESULT([no])])
LDFLAGS="$libzmq_save_LDFLAGS"
fi
