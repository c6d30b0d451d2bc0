/** The connection file that Jupyter hands to a kernel: where to listen, and the key that signs messages. */
import { readFileSync } from "node:fs";

export type Channel = "shell" | "iopub" | "stdin" | "control" | "hb";

export interface ConnectionInfo {
  transport: "tcp" | "ipc";
  ip: string;
  ports: Record<Channel, number>;
  key: string;
  /** Digest name for node:crypto, "sha256" for the protocol's "hmac-sha256". */
  digest: string;
  /** The kernel's own pair of keys, when all that passes is to be encrypted. */
  curve?: CurveKeys;
  /** Of a registration file: the service that is to be told the ports, which are 0 until the sockets are bound. */
  registration?: { address: string; kernelId: string };
}

/** CurveZMQ keys in Z85: 40 characters each. */
export interface CurveKeys {
  publicKey: string;
  secretKey: string;
}

const CHANNELS: readonly Channel[] = ["shell", "iopub", "stdin", "control", "hb"];

const Z85_KEY = /^[0-9a-zA-Z.\-:+=^!/*?&<>()[\]{}@%$#]{40}$/;

/** Reads and checks a connection file; says which field is wrong. */
export function readConnectionFile(path: string): ConnectionInfo {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  } catch (cause) {
    throw new Error(`Cannot read the connection file ${path}: it must be a JSON file written by Jupyter.`, { cause });
  }
  const transport = fields.transport ?? "tcp";
  if (transport !== "tcp" && transport !== "ipc") {
    throw new Error(`Unknown transport "${String(transport)}" in ${path}: use "tcp" or "ipc".`);
  }
  const registration = registrationOf(fields, transport, path);
  const ports = {} as Record<Channel, number>;
  for (const channel of CHANNELS) {
    const port = registration === undefined ? fields[`${channel}_port`] : 0;
    if (typeof port !== "number") throw new Error(`"${channel}_port" is missing in ${path}.`);
    ports[channel] = port;
  }
  const scheme = String(fields.signature_scheme ?? "hmac-sha256");
  if (!scheme.startsWith("hmac-")) throw new Error(`Unknown signature_scheme "${scheme}" in ${path}.`);
  return {
    transport,
    ip: String(fields.ip ?? fields.registration_ip ?? "127.0.0.1"),
    ports,
    key: String(fields.key ?? ""),
    digest: scheme.slice("hmac-".length),
    ...curveKeys(fields, path),
    ...(registration && { registration }),
  };
}

function registrationOf(fields: Record<string, unknown>, transport: string, path: string) {
  const { registration_ip: ip, registration_port: port, kernel_id: kernelId } = fields;
  if (port === undefined) return undefined;
  if (transport !== "tcp") throw new Error(`A kernel can register over tcp only; ${path} says "${transport}".`);
  if (typeof ip !== "string" || typeof kernelId !== "string") {
    throw new Error(`"registration_ip" or "kernel_id" is missing in ${path}.`);
  }
  return { address: `tcp://${ip}:${String(port)}`, kernelId };
}

/** Keys that cannot be used are an error: without them the kernel would listen to everybody. */
function curveKeys(fields: Record<string, unknown>, path: string): { curve?: CurveKeys } {
  const { curve_publickey: publicKey, curve_secretkey: secretKey } = fields;
  if ((publicKey ?? secretKey ?? null) === null) return {};
  for (const [name, key] of Object.entries({ curve_publickey: publicKey, curve_secretkey: secretKey })) {
    if (typeof key !== "string" || !Z85_KEY.test(key)) throw new Error(`"${name}" in ${path} is no key of CurveZMQ.`);
  }
  return { curve: { publicKey: publicKey as string, secretKey: secretKey as string } };
}

/** The ZeroMQ address of a channel. */
export function address(info: ConnectionInfo, channel: Channel): string {
  const separator = info.transport === "ipc" ? "-" : ":";
  return `${info.transport}://${info.ip}${separator}${info.ports[channel]}`;
}
