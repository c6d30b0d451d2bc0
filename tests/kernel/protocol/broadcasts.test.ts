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
  const warnings: Error[] = [];
  const warned = (warning: Error) => void warnings.push(warning);

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "tunelab-iopub-"));
    socket = new XPublisher({ sendHighWaterMark: 16, sendBufferSize: 4096, linger: 0, verbosity: "allSubs" });
    warnings.length = 0;
    process.on("warning", warned);
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
    socket.close();
    process.off("warning", warned);
    rmSync(directory, { recursive: true });
  });

  async function broadcast(patience?: number): Promise<Broadcasts> {
    const broadcasts = new Broadcasts(socket, patience);
    await socket.bind(`ipc://${directory}/socket`);
    return broadcasts;
  }

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
    const broadcasts = await broadcast();
    const slow = await subscribe();
    const pressure: boolean[] = [];
    broadcasts.onPressure = (high) => pressure.push(high);
    const sent = Promise.all(Array.from({ length: 1000 }, (_, number) => broadcasts.push(numbered(number))));
    assert.deepEqual(pressure, [true]);
    for (let number = 0; number < 1000; number++) {
      assert.equal(String((await slow.receive())[0]), String(number));
    }
    await sent;
    assert.deepEqual(pressure, [true, false]);
    // ZeroMQ has one for each option that is set on a bound socket.
    assert.deepEqual(warnings, []);
  });

  it("leave a client behind that does not read, and bring everything to the others", async () => {
    // Long enough for the one that reads, on a busy machine too: it shares this thread.
    const broadcasts = await broadcast(2000);
    await subscribe();
    const reader = await subscribe();
    const sent = Promise.all(Array.from({ length: 1000 }, (_, number) => broadcasts.push(numbered(number))));
    for (let number = 0; number < 1000; number++) {
      assert.equal(String((await reader.receive())[0]), String(number));
    }
    await sent;
  });
});
