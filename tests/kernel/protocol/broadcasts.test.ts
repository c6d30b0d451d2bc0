/** iopub with clients that are slow, or do not read at all. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Subscriber, XPublisher } from "zeromq";
import { Broadcasts } from "../../../kernel/protocol/broadcasts.js";

const MESSAGE = Buffer.alloc(64 << 10, "x");

describe("broadcasts", () => {
  let directory: string;
  let socket: XPublisher;
  const clients: Subscriber[] = [];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "tunelab-iopub-"));
    socket = new XPublisher({ sendHighWaterMark: 16, sendBufferSize: 4096, linger: 0, verbosity: "allSubs" });
    await socket.bind(`ipc://${directory}/socket`);
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
    socket.close();
    rmSync(directory, { recursive: true });
  });

  async function subscribe(): Promise<Subscriber> {
    const client = new Subscriber({ receiveHighWaterMark: 1, receiveBufferSize: 4096, receiveTimeout: 20_000 });
    clients.push(client);
    client.connect(`ipc://${directory}/socket`);
    client.subscribe("");
    await socket.receive();
    return client;
  }

  const numbered = (number: number) => [Buffer.from(String(number)), MESSAGE];

  it("wait for a slow client, ask the source to pause meanwhile, and lose nothing", async () => {
    const slow = await subscribe();
    const broadcasts = new Broadcasts(socket);
    const pressure: boolean[] = [];
    broadcasts.onPressure = (high) => pressure.push(high);
    const sent = Promise.all(Array.from({ length: 1000 }, (_, number) => broadcasts.push(numbered(number))));
    assert.deepEqual(pressure, [true]);
    for (let number = 0; number < 1000; number++) {
      assert.equal(String((await slow.receive())[0]), String(number));
    }
    await sent;
    assert.deepEqual(pressure, [true, false]);
  });

  it("leave a client behind that does not read, and bring everything to the others", async () => {
    await subscribe();
    const reader = await subscribe();
    // Long enough for the one that reads, on a busy machine too: it shares this thread.
    const broadcasts = new Broadcasts(socket, 2000);
    const sent = Promise.all(Array.from({ length: 1000 }, (_, number) => broadcasts.push(numbered(number))));
    for (let number = 0; number < 1000; number++) {
      assert.equal(String((await reader.receive())[0]), String(number));
    }
    await sent;
  });
});
