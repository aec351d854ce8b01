# SPDX-License-Identifier: MPL-2.0
"""jupyter_talk.py FILE IP WHAT...: a Jupyter client that finds its kernel under another address
than the one in the connection file.  Prints the outcome of each WHAT as JSON, one line each, and
stays connected until its input ends."""
import json
import queue
import sys

from jupyter_client import BlockingKernelClient

PATIENCE = 15
client = BlockingKernelClient()
client.load_connection_file(sys.argv[1])
client.ip = sys.argv[2]
client.start_channels()
client.wait_for_ready(timeout=PATIENCE)


def execute():
    """Runs a line of code; returns what it printed, and its value."""
    said = {"stream": "", "execute_result": ""}

    def output(message):
        content = message["content"]
        if message["msg_type"] in said:
            said[message["msg_type"]] += content.get("text") or content["data"]["text/plain"]

    reply = client.execute_interactive("print('hello'); 6 * 7", timeout=PATIENCE,
                                       output_hook=output)
    return {"status": reply["content"]["status"], "printed": said["stream"],
            "result": said["execute_result"]}


def interrupt():
    """Interrupts code that would run for a minute."""
    client.execute("import time; print('started', flush=True); time.sleep(60)")
    while client.get_iopub_msg(timeout=PATIENCE)["content"].get("text") != "started\n":
        pass
    client.control_channel.send(client.session.msg("interrupt_request", content={}))
    while True:
        try:
            reply = client.get_shell_msg(timeout=PATIENCE)
        except queue.Empty:
            return "nothing came of it"
        if reply["msg_type"] == "execute_reply" and reply["content"]["status"] != "ok":
            return reply["content"]["ename"]


def heartbeat():
    return client.hb_channel.is_beating()


def shutdown():
    return client.shutdown(reply=True, timeout=PATIENCE)["msg_type"]


steps = {"execute": execute, "interrupt": interrupt, "heartbeat": heartbeat, "shutdown": shutdown}
print(json.dumps({name: steps[name]() for name in sys.argv[3:]}), flush=True)
sys.stdin.read()
client.stop_channels()
