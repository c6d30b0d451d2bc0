/**
 * The handshake at start-up (protocol 5.6): instead of ports, the kernel is given the address of a registration service.
 * It chooses its ports itself, tells the service, and waits to hear that the service knows them.
 */
import { Dealer } from "zeromq";
import type { ConnectionInfo } from "./connection.js";
import type { Wire } from "./wire.js";

/** How long the service has to answer. */
const PATIENCE_MS = 30_000;

/** Tells the service that the connection file names where the channels are bound; nothing to do for a file with ports. */
export async function register({ registration, ports }: ConnectionInfo, wire: Wire): Promise<void> {
  if (registration === undefined) return;
  const { address, kernelId } = registration;
  const socket = new Dealer({ linger: 0, receiveTimeout: PATIENCE_MS });
  try {
    socket.connect(address);
    const named = Object.entries(ports).map(([channel, port]) => [`${channel}_port`, String(port)]);
    await socket.send(wire.encodeContent({ kernel_id: kernelId, ...Object.fromEntries(named) }));
    wire.decodeContent(await socket.receive());
  } catch (cause) {
    throw new Error(`The registration service at ${address} did not confirm the kernel's ports.`, { cause });
  } finally {
    socket.close();
  }
}
