/* SPDX-License-Identifier: MPL-2.0 */

/*  plugin_host PLUGIN ENDPOINT: opens the plug-in and lets it connect; when a line
    comes in, closes it and says so; ends at the next line.  */

#include <dlfcn.h>
#include <stdio.h>

int main (int argc, char **argv)
{
    char line[16];
    void *const plugin = argc == 3 ? dlopen (argv[1], RTLD_NOW) : NULL;

    if (plugin == NULL)
        return 2;
    ((void (*) (const char *)) dlsym (plugin, "plugin_start")) (argv[2]);
    puts ("connected");
    fflush (stdout);
    if (fgets (line, sizeof line, stdin) == NULL)
        return 2;
    if (dlclose (plugin) != 0)
        return 3;
    puts ("closed");
    fflush (stdout);
    return fgets (line, sizeof line, stdin) == NULL ? 2 : 0;
}
