# SPDX-License-Identifier: MPL-2.0
"""jupyter_host.py FILE IP PORT KERNEL...: has jupyter_client write a connection file for `IP` and
five ports from PORT on, and launch a kernel with it.  Says when the kernel has been launched and
when it has ended."""
import sys

from jupyter_client import launch_kernel, write_connection_file

filename, ip, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
names = ("shell", "iopub", "stdin", "hb", "control")
write_connection_file(filename, ip=ip, key=b"a secret",
                      **{name + "_port": port + number for number, name in enumerate(names)})
kernel = launch_kernel(sys.argv[4:] + ["-f", filename])
print("launched %d" % kernel.pid, flush=True)
print("ended %d" % kernel.wait(), flush=True)
