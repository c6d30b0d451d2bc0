/** Subscribers of iopub: welcomed first, each by its topic, whatever the kernel says meanwhile; clients that come back. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Dealer, Subscriber } from "zeromq";
import { address } from "../../../kernel/protocol/connection.js";
import type { Header, Message } from "../../../kernel/protocol/messages.js";
import { KernelSockets } from "../../../kernel/protocol/sockets.js";
import { Wire } from "../../../kernel/protocol/wire.js";

const SUBSCRIBERS = 100;

describe("a subscriber of iopub", () => {
  let directory: string;
  let sockets: KernelSockets;
  let chatter: NodeJS.Timeout;
  const clients: Subscriber[] = [];
  const connection = () => ({
    transport: "ipc" as const,
    ip: join(directory, "kernel"),
    ports: { shell: 1, iopub: 2, stdin: 3, control: 4, hb: 5 },
    key: "secret",
    digest: "sha256",
  });

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "tunelab-sockets-"));
    sockets = new KernelSockets(connection());
    await sockets.bind(connection());
    sockets.listen(
      () => {},
      (error) => assert.fail(error),
    );
    const busy = { type: "status", content: { execution_state: "busy" }, parent: {} };
    chatter = setInterval(() => void sockets.publish(busy), 0);
  });
  afterEach(() => {
    clearInterval(chatter);
    for (const client of clients.splice(0)) client.close();
    sockets.close();
    rmSync(directory, { recursive: true });
  });

  function subscribe(topic: string): Subscriber {
    const client = new Subscriber({ receiveTimeout: 20_000 });
    clients.push(client);
    client.connect(address(connection(), "iopub"));
    client.subscribe(topic);
    return client;
  }

  const receive = async (client: Subscriber): Promise<Message & { header: Header }> =>
    new Wire(connection()).decode((await client.receive()) as Buffer[]);

  it("hears its welcome before anything else", async () => {
    for (let count = 0; count < SUBSCRIBERS; count++) {
      const client = subscribe("");
      const { header, content } = await receive(client);
      assert.equal(header.msg_type, "iopub_welcome");
      assert.deepEqual(content, { subscription: "" });
      assert.equal((await receive(client)).header.msg_type, "status");
      client.close();
    }
  });

  it("hears what begins with its topic, and nothing after it has left it", async () => {
    const client = subscribe("stat");
    assert.deepEqual((await receive(client)).content, { subscription: "stat" });
    assert.equal((await receive(client)).header.msg_type, "status");
    const other = subscribe("stream");
    assert.deepEqual((await receive(other)).content, { subscription: "stream" });
    client.unsubscribe("stat");
    client.subscribe("end");
    while ((await receive(client)).header.msg_type !== "iopub_welcome");
    await sockets.publish({ type: "stream", content: { name: "stdout", text: "x" }, parent: {} });
    await sockets.publish({ type: "end", content: {}, parent: {} });
    assert.equal((await receive(client)).header.msg_type, "end");
    assert.equal((await receive(other)).header.msg_type, "stream");
  });
});

describe("a client whose connection broke", () => {
  it("is answered on its new connection, while the old one still counts as open", async () => {
    const directory = mkdtempSync(join(tmpdir(), "tunelab-sockets-"));
    const ports = { shell: 1, iopub: 2, stdin: 3, control: 4, hb: 5 };
    const connection = { transport: "ipc" as const, ip: join(directory, "kernel"), ports, key: "k", digest: "sha256" };
    const sockets = new KernelSockets(connection);
    const dealers: Dealer[] = [];
    try {
      await sockets.bind(connection);
      sockets.listen(
        (channel, { identities, header }) => void sockets.send(channel, identities, reply(header)),
        (error) => assert.fail(error),
      );
      const reply = (parent: Header) => ({ type: "reply", content: {}, parent });
      for (const name of ["first", "second"]) {
        const dealer = new Dealer({ routingId: "client", receiveTimeout: 20_000, linger: 0 });
        dealers.push(dealer);
        dealer.connect(address(connection, "shell"));
        const wire = new Wire(connection);
        await dealer.send(wire.encode([], { type: name, content: {}, parent: {} }));
        assert.equal(wire.decode(await dealer.receive()).parentHeader.msg_type, name);
      }
    } finally {
      for (const dealer of dealers) dealer.close();
      sockets.close();
      rmSync(directory, { recursive: true });
    }
  });
});
