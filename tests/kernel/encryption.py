"""A cell through jupyter_client with CurveZMQ keys, over one transport, and a client that has no keys."""

import os
import sys
import time

import zmq
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

transport = sys.argv[1]
manager = KernelManager(kernel_name=os.environ["KERNEL_NAME"], transport=transport, transport_encryption="required")
if transport == "ipc":
    manager.ip = os.path.join(os.environ["JUPYTER_PATH"], "socket")
manager.start_kernel()
try:
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    shown = []
    reply = client.execute_interactive("console.log('secret')", output_hook=shown.append, timeout=60)
    assert reply["content"]["status"] == "ok", reply
    assert any(message["content"].get("text") == "secret\n" for message in shown), shown
    assert client.hb_channel.is_beating()
    print("encrypted", manager.curve_publickey is not None)

    info = manager.get_connection_info()
    plain = BlockingKernelClient()
    plain.load_connection_info({key: value for key, value in info.items() if not key.startswith("curve_")})
    socket = zmq.Context.instance().socket(zmq.SUB)
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    socket.connect(plain._make_url("iopub"))
    time.sleep(0.5)
    client.execute_interactive("console.log('again')", output_hook=lambda message: None, timeout=60)
    print("overheard", socket.poll(500) != 0)
    socket.close(0)

    manager.restart_kernel()
    client.wait_for_ready(timeout=60)
    print("restarted", client.execute_interactive("1", output_hook=lambda message: None)["content"]["status"])
finally:
    manager.shutdown_kernel(now=True)
